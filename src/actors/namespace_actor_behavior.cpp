// Which request the namespace actor serves how.
#include <caf/stateful_actor.hpp>
#include <utility>

#include "actors/namespace_actor.hpp"

namespace minidfs::actors {

NamespaceActor::behavior_type namespace_actor(
    NamespaceActor::stateful_pointer<NamespaceActorState> self,
    std::shared_ptr<NamespaceActorParts> parts) {
  auto* state = &self->state;
  state->start(self, std::move(*parts));
  const auto& lanes = state->lanes();
  const auto change = [state](auto& request) { return state->propose(request); };
  return {
      asked_read<StatRequest>(state, lanes.names,
                              [state](StatRequest& request, const Patience& patience) {
                                return state->stat(request, patience);
                              }),
      asked_read<ListRequest>(state, lanes.names,
                              [state](ListRequest& request, const Patience& patience) {
                                return state->list(request, patience);
                              }),
      asked_read<LocateRequest>(state, lanes.names,
                                [state](LocateRequest& request, const Patience& patience) {
                                  return state->locate(request, patience);
                                }),
      asked_read<LocateDirectoryRequest>(
          state, lanes.names,
          [state](LocateDirectoryRequest& request, const Patience& patience) {
            return state->locate_directory(request, patience);
          }),
      asked<metadata::MakeDirectory>(state, lanes.names, change),
      asked<metadata::Rename>(state, lanes.names, change),
      asked<metadata::Remove>(state, lanes.names, change),
      asked<metadata::SetReplication>(state, lanes.names, change),
      asked<AllocateBlocks>(state, lanes.names,
                            [state](AllocateBlocks& request, const Patience& patience) {
                              return state->allocate(request, patience);
                            }),
      asked<CommitWrite>(state, lanes.names,
                         [state](CommitWrite& request, const Patience& patience) {
                           return state->commit(request, patience);
                         }),
      asked<metadata::SetAttributes>(state, lanes.names, change),
      asked<DecideNode>(state, lanes.admin,
                        [state](DecideNode& request, const Patience& patience) {
                          return state->decide(request, patience);
                        }),
      asked_read<CopiesRequest>(state, lanes.names,
                                [state](CopiesRequest& request, const Patience& patience) {
                                  return state->copies(request, patience);
                                }),
      asked<StageWrite>(state, lanes.names,
                        [state](StageWrite& request, const Patience& patience) {
                          return state->stage(request, patience);
                        }),
      asked<metadata::SetOwner>(state, lanes.names, change),
      asked<metadata::ConcatFiles>(state, lanes.names, change),
      asked<metadata::RenameExactly>(state, lanes.names, change),
      asked<AppendWrite>(state, lanes.names,
                         [state](AppendWrite& request, const Patience& patience) {
                           return state->append(request, patience);
                         }),
      asked<ClientIdRequest>(state, lanes.names,
                             [state](ClientIdRequest&) { return state->client_id(); }),
      [state](LogBatch& batch) { state->take_batch(batch); },
      [state](SafeModeChanged& news) { state->take_safe_mode(news); },
      [state](const OfficeBegun& begun) { state->begin_office(begun); },
      [state](const OfficeEnded&) { state->end_office(); },
      [state](const ReadConfirmed& confirmed) { state->take_confirmation(confirmed); },
      [state](AskLogAtom) { state->ask_log(); },
      [state](TickAtom) { state->tick(); },
  };
}

}  // namespace minidfs::actors
