#include "cli/roles/role_admission.hpp"

#include <algorithm>
#include <chrono>

#include "auth/secret_file.hpp"
#include "base/logging.hpp"
#include "net/look_up.hpp"

namespace minidfs::cli {
namespace {

constexpr std::chrono::seconds kLookUpTimeMax{5};

Result<auth::CredentialsPtr> secret_of_role(const std::string& path) {
  MDFS_TRY(auto credentials, auth::load_credentials(path));
  if (!credentials->holds_secret()) {
    return Error{Errc::kPermissionDenied,
                 path + ": holds a client's key; a role takes the cluster's secret"};
  }
  return credentials;
}

}  // namespace

Result<bool> is_local(const std::string& host) {
  MDFS_TRY(const auto addresses,
           net::look_up({host, 0}, std::chrono::steady_clock::now() + kLookUpTimeMax));
  return std::all_of(addresses.begin(), addresses.end(),
                     [](const net::Address& address) { return address.is_loopback(); });
}

Result<auth::CredentialsPtr> role_admission(const CommonConfig& common) {
  if (!common.secret_file.empty()) {
    if (!common.insecure) return secret_of_role(common.secret_file);
    return Error{Errc::kInvalidArgument, "--insecure lets everybody in, and --secret-file (" +
                                             common.secret_file +
                                             ") only those who know the secret: give one of them"};
  }
  if (common.insecure) return auth::CredentialsPtr();
  MDFS_TRY(const bool local, is_local(common.listen));
  if (local) return auth::CredentialsPtr();
  return Error{Errc::kInvalidArgument,
               "other machines reach " +
                   (common.listen.empty() ? "every address of this machine" : common.listen) +
                   ": give the cluster's secret by --secret-file (`minidfs secret new FILE` makes "
                   "one), or --insecure to let in all who come"};
}

void log_admission(const CommonConfig& common, const auth::CredentialsPtr& credentials) {
  if (credentials) {
    log_info("minidfs", "who connects must prove to know the secret of {}", common.secret_file);
  } else if (common.insecure) {
    log_warn("minidfs", "--insecure: everybody who reaches the port is let in");
  } else {
    log_info("minidfs", "no secret: every process of this machine is let in");
  }
}

}  // namespace minidfs::cli
