// What went wrong, in HDFS's words: its clients make the Java exception of the same name of it, and
// some look for words in the message.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "http/message.hpp"

namespace minidfs::http::webhdfs {

// The exceptions of HDFS that are answered with.
enum class Exception : std::uint8_t {
  kFileNotFound,
  kAuthentication,
  kAccessControl,
  kAuthorization,
  kFileAlreadyExists,
  kParentNotDirectory,
  kPathIsNotEmptyDirectory,
  kSafeMode,
  kStandby,
  kRetriable,
  kIo,
  kEndOfFile,
  kInvalidPath,
  kIllegalArgument,
  kUnsupportedOperation,
  kRuntime,
};

struct RemoteException {
  Exception exception = Exception::kIo;
  std::string message;
};

// What an error of the client library is for HDFS's clients.
RemoteException remote_exception(const Error& error);

// {"RemoteException": ...} with the status that belongs to it.
Response exception_response(const RemoteException& exception);

}  // namespace minidfs::http::webhdfs
