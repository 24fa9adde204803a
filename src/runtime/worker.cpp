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

class TimedWorker final : public Worker {
 public:
  using Told = std::function<void(std::chrono::nanoseconds)>;
  TimedWorker(std::unique_ptr<Worker> worker, Told told)
      : told_(std::move(told)), worker_(std::move(worker)) {}
  void post(std::unique_ptr<Job> job) override {
    worker_->post(std::make_unique<TimedJob>(std::move(job), told_));
  }

 private:
  class TimedJob final : public Job {
   public:
    TimedJob(std::unique_ptr<Job> job, const Told& told) : job_(std::move(job)), told_(told) {}
    void run() override {
      const auto began = std::chrono::steady_clock::now();
      job_->run();
      told_(std::chrono::steady_clock::now() - began);
    }

   private:
    std::unique_ptr<Job> job_;
    const Told& told_;
  };

  Told told_;
  std::unique_ptr<Worker> worker_;  // last: its jobs use the above until it has ended
};

class InlineWorker final : public Worker {
 public:
  void post(std::unique_ptr<Job> job) override { job->run(); }
};

}  // namespace

std::unique_ptr<Worker> make_thread_worker(const std::string& name) {
  return std::make_unique<ThreadWorker>(name);
}

std::unique_ptr<Worker> make_timed_worker(std::unique_ptr<Worker> worker, TimedWorker::Told told) {
  return std::make_unique<TimedWorker>(std::move(worker), std::move(told));
}

std::unique_ptr<Worker> make_inline_worker() {
  return std::make_unique<InlineWorker>();
}

}  // namespace stibee_sync::runtime
