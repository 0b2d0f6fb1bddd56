#include "client/async/upload_work.hpp"
// The above comes first: see net/asio.hpp.
#include <optional>
#include <utility>

#include "client/async/async_files.hpp"

namespace minidfs::client {
namespace {

class Upload final : public FileUpload {
 public:
  explicit Upload(std::shared_ptr<UploadWork> work) : work_(std::move(work)) {}
  ~Upload() override { work_->cancel(); }

  asio::awaitable<Status> check() override { return work_->check(); }
  asio::awaitable<Status> write(std::span<const std::byte> bytes) override {
    return work_->write(bytes);
  }
  asio::awaitable<Status> commit() override { return work_->commit(); }
  asio::awaitable<void> close() override { return work_->close(); }
  void cancel() override { work_->cancel(); }

 private:
  const std::shared_ptr<UploadWork> work_;
};

}  // namespace

Result<std::unique_ptr<FileUpload>> FileUpload::make(const asio::any_io_executor& executor,
                                                     ClientContext& context,
                                                     const std::string& path,
                                                     const UploadSettings& settings,
                                                     const StagingOptions& staging) {
  MDFS_TRY(auto file, new_file(context.options, path, settings));
  return std::unique_ptr<FileUpload>(std::make_unique<Upload>(std::make_shared<UploadWork>(
      executor, context, std::move(file.settings), std::move(file.file), staging)));
}

Result<std::unique_ptr<FileUpload>> FileUpload::append(const asio::any_io_executor& executor,
                                                       ClientContext& context,
                                                       const std::string& path,
                                                       const metadata::FileStatus& status) {
  WriteOptions options;
  options.replication = status.replication;
  options.block_size = status.block_size;
  options.compression = status.compression;
  MDFS_TRY(auto checked, file_settings(context.options, options));
  auto file = finished_file(context.options, checked, path, std::nullopt);
  auto work = std::make_shared<UploadWork>(executor, context, std::move(checked), std::move(file),
                                           StagingOptions());
  work->grow({path, status.id, status.length});
  return std::unique_ptr<FileUpload>(std::make_unique<Upload>(std::move(work)));
}

}  // namespace minidfs::client
