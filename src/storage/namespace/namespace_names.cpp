#include "storage/namespace/namespace_names.hpp"

namespace minidfs::storage {
namespace {

// Few names are in use at a time; a namespace with very many of them is only slower.
constexpr std::size_t kRememberedMax = 4096;

}  // namespace

Result<NameNumbers> NameNumbers::open(Database& database) {
  NameNumbers names;
  MDFS_TRY(names.by_text_, database.prepare("SELECT id FROM name WHERE text = ?1"));
  MDFS_TRY(names.by_number_, database.prepare("SELECT text FROM name WHERE id = ?1"));
  MDFS_TRY(names.insert_, database.prepare("INSERT INTO name(text) VALUES(?1) RETURNING id"));
  return names;
}

Result<std::int64_t> NameNumbers::number(std::string_view text) {
  const auto known = numbers_.find(std::string(text));
  if (known != numbers_.end()) return known->second;
  for (Statement* statement : {&by_text_, &insert_}) {
    const StatementScope scope(*statement);
    statement->bind_text(1, text);
    MDFS_TRY(const bool row, statement->step());
    if (!row) continue;
    const std::int64_t number = statement->integer(0);
    if (numbers_.size() >= kRememberedMax) numbers_.clear();
    numbers_.emplace(text, number);
    return number;
  }
  return Error{Errc::kInternal, "a name was neither found nor stored"};
}

Result<std::string_view> NameNumbers::text(std::int64_t number) {
  const auto known = texts_.find(number);
  if (known != texts_.end()) return std::string_view(known->second);
  const StatementScope scope(by_number_);
  by_number_.bind(1, number);
  MDFS_TRY(const bool row, by_number_.step());
  if (!row) {
    return Error{Errc::kCorrupt,
                 "namespace database: no name with number " + std::to_string(number)};
  }
  if (texts_.size() >= kRememberedMax) texts_.clear();
  return std::string_view(texts_.emplace(number, by_number_.bytes(0)).first->second);
}

}  // namespace minidfs::storage
