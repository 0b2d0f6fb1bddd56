#include "http/webhdfs/remote_exception.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace minidfs::http::webhdfs {
namespace {

struct ExceptionInfo {
  Exception exception;
  std::string_view java_class;
  unsigned status;
};

// Statuses as HDFS's ExceptionHandler gives them.
constexpr std::array<ExceptionInfo, 16> kTable{{
    {Exception::kFileNotFound, "java.io.FileNotFoundException", 404},
    {Exception::kAuthentication,
     "org.apache.hadoop.security.authentication.client.AuthenticationException", 401},
    {Exception::kAccessControl, "org.apache.hadoop.security.AccessControlException", 403},
    {Exception::kAuthorization, "org.apache.hadoop.security.authorize.AuthorizationException", 403},
    {Exception::kFileAlreadyExists, "org.apache.hadoop.fs.FileAlreadyExistsException", 403},
    {Exception::kParentNotDirectory, "org.apache.hadoop.fs.ParentNotDirectoryException", 403},
    {Exception::kPathIsNotEmptyDirectory, "org.apache.hadoop.fs.PathIsNotEmptyDirectoryException",
     403},
    {Exception::kSafeMode, "org.apache.hadoop.hdfs.server.namenode.SafeModeException", 403},
    {Exception::kStandby, "org.apache.hadoop.ipc.StandbyException", 403},
    {Exception::kRetriable, "org.apache.hadoop.ipc.RetriableException", 403},
    {Exception::kIo, "java.io.IOException", 403},
    {Exception::kEndOfFile, "java.io.EOFException", 403},
    {Exception::kInvalidPath, "org.apache.hadoop.fs.InvalidPathException", 400},
    {Exception::kIllegalArgument, "java.lang.IllegalArgumentException", 400},
    {Exception::kUnsupportedOperation, "java.lang.UnsupportedOperationException", 400},
    {Exception::kRuntime, "java.lang.RuntimeException", 500},
}};

constexpr bool table_is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].exception) != i) return false;
  }
  return true;
}
static_assert(table_is_in_order(), "exceptions index the table");

Exception exception_of(Errc code) {
  switch (code) {
    case Errc::kNotFound:
      return Exception::kFileNotFound;
    case Errc::kAlreadyExists:
    case Errc::kIsADirectory:
      return Exception::kFileAlreadyExists;
    case Errc::kNotADirectory:
      return Exception::kParentNotDirectory;
    case Errc::kNotEmpty:
      return Exception::kPathIsNotEmptyDirectory;
    case Errc::kPermissionDenied:
      return Exception::kAccessControl;
    case Errc::kSafeMode:
    case Errc::kBehind:
      return Exception::kSafeMode;
    case Errc::kNotLeader:
    case Errc::kUnavailable:
      return Exception::kStandby;  // Another address may do.
    case Errc::kBusy:
    case Errc::kTimedOut:
      return Exception::kRetriable;
    case Errc::kInvalidArgument:
      return Exception::kIllegalArgument;
    case Errc::kUnsupported:
      return Exception::kUnsupportedOperation;
    case Errc::kInternal:
      return Exception::kRuntime;
    default:
      return Exception::kIo;
  }
}

}  // namespace

RemoteException remote_exception(const Error& error) {
  return {exception_of(error.code), error.message};
}

Response exception_response(const RemoteException& exception) {
  const auto& info = kTable[static_cast<std::size_t>(exception.exception)];
  const auto simple = info.java_class.substr(info.java_class.rfind('.') + 1);
  const nlohmann::ordered_json body{{"RemoteException",
                                     {{"exception", simple},
                                      {"javaClassName", info.java_class},
                                      {"message", exception.message}}}};
  return text_response(info.status, "application/json",
                       body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace minidfs::http::webhdfs
