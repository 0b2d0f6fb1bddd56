// minidfs secret: makes a cluster's secret, and keys of clients from it. Talks to nobody.

#include <sys/stat.h>

#include <array>

#include "auth/secret_file.hpp"
#include "cli/command/command.hpp"

namespace minidfs::cli {
namespace {

constexpr std::array kFlags{
    Flag{"secret-file", 0, "FILE", "The cluster's secret (or MINIDFS_COMMON_SECRET_FILE)",
         "common.secret_file"},
    Flag{"config", 0, "FILE", "Read options from a TOML file", ""},
    Flag{"help", 'h', "", "Show this help", ""},
};

Error wrong_usage(const std::string& problem) {
  return {Errc::kInvalidArgument, "secret: " + problem};
}

Result<int> make_new(const std::vector<std::string>& operands) {
  if (operands.size() != 2) return wrong_usage("unexpected operand '" + operands[2] + "'");
  MDFS_CHECK(
      auth::write_secret_file(operands[1], auth::secret_text(auth::Key(auth::random_bytes()))));
  return 0;
}

// Where a key comes from and goes to.
struct Derivation {
  std::string from;
  std::string to;  // Empty: standard output.
};

// A file that exists is no place for a new key, so a single one that does is the secret.
Result<Derivation> derivation_of(const Invocation& invocation) {
  const auto& operands = invocation.arguments().operands;
  if (operands.size() == 4) return Derivation{operands[2], operands[3]};
  if (struct stat status{}; ::stat(operands[2].c_str(), &status) == 0) {
    return Derivation{operands[2], ""};
  }
  const auto& secret = invocation.config().common.secret_file;
  if (secret.empty()) {
    return Error{Errc::kNotFound, operands[2] +
                                      ": there is no such file to derive a key from, and "
                                      "no --secret-file"};
  }
  return Derivation{secret, operands[2]};
}

Result<int> derive(Invocation& invocation) {
  const auto& operands = invocation.arguments().operands;
  if (operands[1] != "client") {
    return wrong_usage("'" + operands[1] + "' is not client: other roles take the secret itself");
  }
  if (operands.size() < 3) return wrong_usage("which FILE holds the secret?");
  MDFS_TRY(const auto derivation, derivation_of(invocation));
  MDFS_TRY(const auto credentials, auth::load_credentials(derivation.from));
  if (!credentials->holds_secret()) {
    return Error{Errc::kPermissionDenied,
                 derivation.from + ": holds a client's key; keys come from the cluster's secret"};
  }
  const auto text = auth::client_key_text(credentials->make_client_key());
  MDFS_CHECK(derivation.to.empty() ? invocation.io().print(text)
                                   : auth::write_secret_file(derivation.to, text));
  return 0;
}

Result<int> run(Invocation& invocation) {
  const auto& operands = invocation.arguments().operands;
  if (operands[0] == "new") return make_new(operands);
  if (operands[0] == "derive") return derive(invocation);
  return wrong_usage("'" + operands[0] + "' is neither new nor derive");
}

}  // namespace

const Command kSecretCommand{
    .name = "secret",
    .operands = "new FILE | derive client FILE [KEYFILE]",
    .summary = "Make a cluster's secret, or a client's key from it",
    .details =
        "`new FILE` writes a random secret, which every role and client of a cluster is\n"
        "given by --secret-file. `derive client FILE` makes a key of the secret in FILE,\n"
        "which is given to clients in its place: by it nobody can be a datanode or a\n"
        "namenode, or find out the secret. It goes to KEYFILE, or to standard output. With\n"
        "--secret-file (or the variable) and a FILE that does not exist it goes to FILE.\n"
        "Each call makes another key. Files are written for their owner's eyes only, and\n"
        "never overwritten.\n",
    .example = "minidfs secret new /etc/minidfs/secret",
    .flags = kFlags,
    .operands_min = 2,
    .operands_max = 4,
    .is_client = false,
    .takes_options = true,
    .run = run};

}  // namespace minidfs::cli
