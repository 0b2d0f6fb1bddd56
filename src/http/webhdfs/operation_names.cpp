#include "http/webhdfs/operation_names.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace minidfs::http::webhdfs {
namespace {

constexpr auto kGet = std::to_array<std::string_view>({
    "OPEN",
    "GETFILESTATUS",
    "GETFILELINKSTATUS",
    "LISTSTATUS",
    "LISTSTATUS_BATCH",
    "GETCONTENTSUMMARY",
    "GETQUOTAUSAGE",
    "GETFILECHECKSUM",
    "GETFILEBLOCKLOCATIONS",
    "GET_BLOCK_LOCATIONS",
    "GETHOMEDIRECTORY",
    "GETTRASHROOT",
    "GETTRASHROOTS",
    "CHECKACCESS",
    "GETACLSTATUS",
    "GETXATTRS",
    "LISTXATTRS",
    "GETSERVERDEFAULTS",
    "GETSTATUS",
    "GETALLSTORAGEPOLICY",
    "GETSTORAGEPOLICY",
    "GETDELEGATIONTOKEN",
    "GETSNAPSHOTDIFF",
    "GETSNAPSHOTDIFFLISTING",
    "GETSNAPSHOTTABLEDIRECTORYLIST",
    "GETSNAPSHOTLIST",
    "GETLINKTARGET",
    "GETECPOLICY",
    "GETECPOLICIES",
    "GETECCODECS",
});
constexpr auto kPut = std::to_array<std::string_view>({
    "CREATE",
    "MKDIRS",
    "RENAME",
    "SETREPLICATION",
    "SETOWNER",
    "SETPERMISSION",
    "SETTIMES",
    "CREATESYMLINK",
    "SETACL",
    "MODIFYACLENTRIES",
    "REMOVEACLENTRIES",
    "REMOVEACL",
    "REMOVEDEFAULTACL",
    "SETXATTR",
    "REMOVEXATTR",
    "ALLOWSNAPSHOT",
    "DISALLOWSNAPSHOT",
    "CREATESNAPSHOT",
    "RENAMESNAPSHOT",
    "SETSTORAGEPOLICY",
    "SATISFYSTORAGEPOLICY",
    "SETQUOTA",
    "SETQUOTABYSTORAGETYPE",
    "ENABLEECPOLICY",
    "DISABLEECPOLICY",
    "SETECPOLICY",
    "RENEWDELEGATIONTOKEN",
    "CANCELDELEGATIONTOKEN",
});
constexpr auto kPost = std::to_array<std::string_view>(
    {"APPEND", "CONCAT", "TRUNCATE", "UNSETSTORAGEPOLICY", "UNSETECPOLICY"});
constexpr auto kDelete = std::to_array<std::string_view>({"DELETE", "DELETESNAPSHOT"});

bool contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_operation(std::string_view method, std::string_view name) {
  if (method == "GET" || method == "HEAD") return contains(kGet, name);
  if (method == "PUT") return contains(kPut, name);
  if (method == "POST") return contains(kPost, name);
  if (method == "DELETE") return contains(kDelete, name);
  return false;
}

}  // namespace minidfs::http::webhdfs
