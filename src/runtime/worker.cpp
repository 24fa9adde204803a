#include "stibee_sync/runtime/worker.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <pthread.h>
#include <thread>

namespace stibee_sync::runtime {
namespace {

class ThreadWorker final : public Worker {
 public:
  explicit ThreadWorker(const std::string& name) : thread_([this] { loop(); }) {
    ::pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
  }

  ~ThreadWorker() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void post(std::unique_ptr<Job> job) override {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void loop() {
    for (;;) {
      std::unique_ptr<Job> job;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      job->run();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool stopping_ = false;
  std::thread thread_;  // last: it uses all of the above
};

class InlineWorker final : public Worker {
 public:
  void post(std::unique_ptr<Job> job) override { job->run(); }
};

}  // namespace

std::unique_ptr<Worker> make_thread_worker(const std::string& name) {
  return std::make_unique<ThreadWorker>(name);
}

std::unique_ptr<Worker> make_inline_worker() {
  return std::make_unique<InlineWorker>();
}

}  // namespace stibee_sync::runtime
