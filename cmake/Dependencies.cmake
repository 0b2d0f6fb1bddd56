# Everything outside the tree, from Debian's packages.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(absl REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(CAF REQUIRED COMPONENTS core io)
find_package(Boost 1.74 REQUIRED)
pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
find_path(CXXOPTS_INCLUDE_DIR cxxopts.hpp REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)

# Every verb is a process, and each shared library costs its start about 0.1 ms: what Debian has as
# an archive goes into the binary (docs/decisions/archives-for-a-quick-start.md).
include(Archives)
link_archives(absl:: prometheus-cpp::core PkgConfig::CRYPTO PkgConfig::SQLITE3 PkgConfig::ZSTD)
set_property(TARGET PkgConfig::SQLITE3 APPEND PROPERTY INTERFACE_LINK_LIBRARIES m)
