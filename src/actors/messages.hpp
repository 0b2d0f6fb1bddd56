// The control messages between clients, namenode and datanodes that are not already structs of
// metadata. Each is a value; what a field means is said once, at its struct. The qualified C++
// names go over the wire: renaming or moving a type to another namespace breaks the protocol. So
// does any change of a struct's fields: a later version adds another struct (docs/formats.md,
// "Versions").
#pragma once

#include "actors/admin_messages.hpp"
#include "actors/client_messages.hpp"
#include "actors/datanode_messages.hpp"
#include "actors/http_messages.hpp"
#include "actors/member_messages.hpp"
#include "actors/quorum_messages.hpp"
