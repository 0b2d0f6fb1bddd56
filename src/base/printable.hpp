// Text that came from elsewhere (names, owners, racks, hosts, messages of peers are bytes), made
// fit for a terminal or a line of the log.
#pragma once

#include <string>
#include <string_view>

namespace minidfs {

// Every byte that could move a cursor or end a line, as \xNN: the control codes below 0x20, 0x7F,
// those of 8 bits (0x80 to 0x9F, alone or as UTF-8), and whatever is no UTF-8. Other text stays as
// it is. Pure; escaping a text a second time changes nothing.
std::string escape_controls(std::string_view text);

// Whether the text is UTF-8 as a whole.
bool is_utf8(std::string_view text);

}  // namespace minidfs
