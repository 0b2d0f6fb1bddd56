#include "http/access/step_signer.hpp"

#include <catch2/catch.hpp>
#include <memory>

namespace minidfs::http::access {
namespace {

constexpr std::int64_t kNow = 1'800'000'000;
constexpr char kOpen[] =
    "http://dn:9864/webhdfs/v1/a%20b?op=OPEN&user.name=alice&namenoderpcaddress=nn%3A8020&offset=0";
constexpr char kCreate[] =
    "http://dn:9864/webhdfs/v1/f?op=CREATE&user.name=alice&namenoderpcaddress=nn%3A8020"
    "&overwrite=false";

auth::CredentialsPtr secret(int byte) {
  auth::Bytes32 bytes{};
  bytes.fill(static_cast<std::byte>(byte));
  return std::make_shared<const auth::Credentials>(auth::Key(bytes));
}

// As a client asks for the URL.
RequestHead request_for(const std::string& url) {
  const auto path = url.find('/', 7);
  const auto query = url.find('?');
  RequestHead request;
  request.method = "GET";
  request.fields.add("Host", url.substr(7, path - 7));
  request.path = url.substr(path, query - path);
  request.query = url.substr(query + 1);
  return request;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("what was signed is permitted until it expires") {
  const StepSigner signer(secret(1));
  for (const char* url : {kOpen, kCreate}) {
    const auto request = request_for(signer.sign(url, kNow));
    CHECK(signer.permits(request, kNow));
    CHECK(signer.permits(request, kNow + 600));
    CHECK_FALSE(signer.permits(request, kNow + 601));
    CHECK_FALSE(signer.permits(request_for(url), kNow));
  }
}

TEST_CASE("a client may write the same in another way") {
  const StepSigner signer(secret(1));
  const auto url = signer.sign(kOpen, kNow);
  CHECK(signer.permits(request_for(replaced(url, "a%20b", "%61%20b")), kNow));
  CHECK(signer.permits(request_for(replaced(url, "op=", "OP=")), kNow));
  CHECK(signer.permits(request_for(replaced(url, "//dn", "//DN")), kNow));
  CHECK(signer.permits(
      request_for(replaced(url, "op=OPEN&user.name=alice", "user.name=alice&op=OPEN")), kNow));
  // Java's client looks for its own place in the file.
  CHECK(signer.permits(request_for(replaced(url, "&offset=0", "") + "&offset=77&length=5"), kNow));
  const auto usual = signer.sign(replaced(kOpen, "dn:9864", "dn:80"), kNow);
  CHECK(signer.permits(request_for(replaced(usual, "dn:80", "dn")), kNow));
}

TEST_CASE("anything else of a signed step is refused") {
  const StepSigner signer(secret(1));
  const auto url = signer.sign(kCreate, kNow);
  const std::pair<const char*, const char*> changes[] = {
      {"/f?", "/g?"},
      {"op=CREATE", "op=APPEND"},
      {"user.name=alice", "user.name=bob"},
      {"overwrite=false", "overwrite=true"},
      {"&overwrite=false", ""},
      {"&overwrite=false", "&overwrite=true&overwrite=false"},
      {"&overwrite=false", "&overwrite=false&permission=777"},
      {"nn%3A8020", "nm%3A8020"},
      {"//dn:9864", "//dm:9864"},
      {"//dn:9864", "//dn:9865"},
      {"minidfs.expires=18", "minidfs.expires=19"},
      {"&minidfs.expires=", "&minidfs.expires=1900000000&minidfs.expires="},
      {"&minidfs.key=00", "&minidfs.key=01"},
      {"&minidfs.signature=", "&minidfs.signature=0"},
      {"&minidfs.signature=", "&minidfs.signatur="},
  };
  for (const auto& [from, to] : changes) {
    INFO(from << " -> " << to);
    CHECK_FALSE(signer.permits(request_for(replaced(url, from, to)), kNow));
  }
  auto last = url;
  last.back() = last.back() == '0' ? '1' : '0';
  CHECK_FALSE(signer.permits(request_for(last), kNow));
  // Where to begin is free for reading alone.
  CHECK_FALSE(signer.permits(request_for(url + "&offset=0"), kNow));
}

TEST_CASE("who asks for a step cannot put its end into it") {
  const StepSigner signer(secret(1));
  const auto url = signer.sign(std::string(kOpen) + "&minidfs.expires=9999999999", kNow);
  CHECK_FALSE(signer.permits(request_for(url), kNow));
}

TEST_CASE("those who know the secret permit each other's steps, and those of client's keys") {
  const auto credentials = secret(1);
  const StepSigner namenode(credentials);
  const StepSigner datanode(secret(1));
  const StepSigner other_cluster(secret(2));
  const auto client_key = std::make_shared<const auth::Credentials>(credentials->make_client_key());
  const StepSigner gateway(client_key);
  const StepSigner same_gateway(client_key);
  const StepSigner other_gateway(
      std::make_shared<const auth::Credentials>(credentials->make_client_key()));

  const auto by_namenode = request_for(namenode.sign(kOpen, kNow));
  CHECK(datanode.permits(by_namenode, kNow));
  CHECK_FALSE(other_cluster.permits(by_namenode, kNow));
  CHECK_FALSE(gateway.permits(by_namenode, kNow));

  const auto by_gateway = request_for(gateway.sign(kOpen, kNow));
  CHECK(datanode.permits(by_gateway, kNow));
  CHECK(same_gateway.permits(by_gateway, kNow));
  CHECK_FALSE(other_gateway.permits(by_gateway, kNow));
  CHECK_FALSE(other_cluster.permits(by_gateway, kNow));
}

TEST_CASE("without a secret a process permits its own steps alone") {
  const StepSigner one(nullptr);
  const StepSigner other(nullptr);
  const auto request = request_for(one.sign(kOpen, kNow));
  CHECK(one.permits(request, kNow));
  CHECK_FALSE(other.permits(request, kNow));
  CHECK_FALSE(StepSigner(secret(1)).permits(request, kNow));
}

}  // namespace
}  // namespace minidfs::http::access
