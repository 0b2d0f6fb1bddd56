#include "consensus/solo_transport.hpp"

namespace minidfs::consensus {
namespace {

int init(raft_uv_transport*, raft_id, const char*) { return 0; }
int listen(raft_uv_transport*, raft_uv_accept_cb) { return 0; }
int connect(raft_uv_transport*, raft_uv_connect*, raft_id, const char*, raft_uv_connect_cb) {
  return RAFT_NOCONNECTION;
}
void close(raft_uv_transport* transport, raft_uv_transport_close_cb done) { done(transport); }

}  // namespace

void init_solo_transport(raft_uv_transport& transport) {
  transport = {};
  set_transport_version(transport);
  transport.init = init;
  transport.listen = listen;
  transport.connect = connect;
  transport.close = close;
}

}  // namespace minidfs::consensus
