// Why an admission fails over the secret, in the same words on both planes. All are
// kPermissionDenied: to try again does not help. Callers put the peer's address in front.
#pragma once

#include "auth/credentials.hpp"
#include "base/result.hpp"

namespace minidfs::auth {

// Said to a peer that proves in another way than this side, whose credentials these are, asks for.
// Ok when it does not.
Status check_method(Method method, const CredentialsPtr& own);

// Said to a peer whose proof is wrong, and found out by the side that is shown a wrong one.
Error wrong_proof();

// Found out by a side with a secret that is let in by one that proves nothing.
Error nothing_proven();

}  // namespace minidfs::auth
