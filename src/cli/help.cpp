// The texts of --help and --version.

#include "base/interface_version.hpp"
#include "cli/application.hpp"

namespace minidfs::cli {
namespace {

std::string padded(std::string_view text, std::size_t columns) {
  std::string result(text);
  if (result.size() < columns) result.resize(columns, ' ');
  return result;
}

std::string example_text(std::string_view example) {
  return "\nExample:\n  " + std::string(example) + "\n";
}

}  // namespace

std::string version_text() {
  return "minidfs " MINIDFS_VERSION " (interface " + to_string(own_versions()) + ")\n";
}

std::string overview_text() {
  std::string text =
      "minidfs: a distributed file system in one binary\n"
      "\n"
      "Usage:\n"
      "  minidfs --role=ROLE [FLAG...]     run a server\n"
      "  minidfs VERB [FLAG...] ...        use the file system\n"
      "\n"
      "Roles:\n";
  for (const auto& role : role_table()) {
    text += "  " + padded(role.name, 12) + std::string(role.summary) + "\n";
  }
  text += "\nVerbs:\n";
  for (const auto* command : command_table()) {
    text += "  " + padded(command->name, 12) + std::string(command->summary) + "\n";
  }
  text +=
      "\n"
      "`minidfs --role=ROLE --help` and `minidfs VERB --help` show flags and an example.\n"
      "`minidfs config` lists all options; `minidfs --version` prints the version.\n";
  return text;
}

std::string command_help(const Command& command) {
  std::string text = "Usage: minidfs " + std::string(command.name) + " [FLAG...]";
  if (!command.operands.empty()) text += " " + std::string(command.operands);
  text += "\n\n" + std::string(command.summary) + ".\n";
  text += command.details;
  if (text.back() != '\n') text += '\n';
  text += "\nFlags:\n" + describe_flags(command.flags);
  if (command.is_client) text += describe_flags(client_flags());
  return text + example_text(command.example);
}

std::string role_help(const RoleEntry& role) {
  return "Usage: minidfs --role=" + std::string(role.name) + " [FLAG...]\n\n" +
         std::string(role.summary) + ".\n\nFlags:\n" + describe_flags(role.flags) +
         example_text(role.example);
}

}  // namespace minidfs::cli
