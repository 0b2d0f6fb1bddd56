#include "auth/refusals.hpp"

namespace minidfs::auth {

Status check_method(Method method, const CredentialsPtr& own) {
  if (method == Method::kNone && own) {
    return Error{Errc::kPermissionDenied,
                 "the cluster's secret is asked for, and none was given (--secret-file)"};
  }
  if (method == Method::kSecret && !own) {
    return Error{Errc::kPermissionDenied,
                 "a secret was given (--secret-file), but the listening side has none"};
  }
  return {};
}

Error wrong_proof() {
  return {Errc::kPermissionDenied, "the secrets of the two sides differ (--secret-file)"};
}

Error nothing_proven() {
  return {Errc::kPermissionDenied,
          "a secret was given (--secret-file), but the other side has proven nothing"};
}

}  // namespace minidfs::auth
