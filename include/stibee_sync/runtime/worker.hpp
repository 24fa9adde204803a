#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace stibee_sync::runtime {

/// Where blocking work is done so that the loop thread never is: one thread for each blocking library.
class Worker {
 public:
  class Job {
   public:
    virtual ~Job() = default;
    virtual void run() = 0;
  };
  virtual ~Worker() = default;
  /// Runs jobs one after another, in order. Thread-safe.
  virtual void post(std::unique_ptr<Job> job) = 0;
};

/// A thread of its own. The destructor finishes what was posted and joins; destroy it before the io_context
/// that its jobs resume on, or the two race at exit.
std::unique_ptr<Worker> make_thread_worker(const std::string& name);

/// The same worker, of whose jobs `told` learns how long each took. On its thread.
std::unique_ptr<Worker> make_timed_worker(std::unique_ptr<Worker> worker,
                                          std::function<void(std::chrono::nanoseconds)> told);

/// Runs each job where it is posted: for the simulation and for commands without a loop.
std::unique_ptr<Worker> make_inline_worker();

namespace detail {

template <class Work, class Complete>
class OffloadJob final : public Worker::Job {
 public:
  OffloadJob(Work work, Complete complete) : work_(std::move(work)), complete_(std::move(complete)) {}
  void run() override { complete_(work_); }

 private:
  Work work_;
  Complete complete_;
};

template <class Work, class Complete>
std::unique_ptr<Worker::Job> make_job(Work work, Complete complete) {
  return std::make_unique<OffloadJob<Work, Complete>>(std::move(work), std::move(complete));
}

}  // namespace detail

/// Destroys what is large there, after all that was posted before; nobody waits for it. Whatever else shares
/// in it must have let go, or it ends where that does.
template <class T>
void dispose(Worker& worker, T large) {
  auto holds = [large = std::move(large)] { static_cast<void>(large); };
  worker.post(detail::make_job(std::move(holds), [](auto&) {}));
}

/// Runs `work` on `worker` and resumes the awaiting coroutine on its own executor with the result or the
/// exception. A plain function, not a coroutine: g++ 12 destroys closures written inside `co_await`
/// expressions twice, so name the closure first: `auto work = […]{…}; co_await offload(worker,
/// std::move(work));`. The result must be default-constructible. Cannot be cancelled. The exception moves to
/// the loop like the result: the worker keeps no share in it that it could give up last, while the loop reads
/// it.
template <class Work>
auto offload(Worker& worker, Work work) -> boost::asio::awaitable<std::invoke_result_t<Work&>> {
  namespace asio = boost::asio;
  using Result = std::invoke_result_t<Work&>;
  if constexpr (std::is_void_v<Result>) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr)>(
        [&worker](auto handler, Work moved) {
          auto executor = asio::get_associated_executor(handler);
          auto guard = asio::make_work_guard(executor);
          worker.post(detail::make_job(
              std::move(moved),
              [handler = std::move(handler), guard = std::move(guard), executor](Work& job) mutable {
                std::exception_ptr error;
                try {
                  job();
                } catch (...) {
                  error = std::current_exception();
                }
                asio::post(executor,
                           [handler = std::move(handler), guard = std::move(guard),
                            error = std::move(error)]() mutable { std::move(handler)(std::move(error)); });
              }));
        },
        asio::use_awaitable, std::move(work));
  } else {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, Result)>(
        [&worker](auto handler, Work moved) {
          auto executor = asio::get_associated_executor(handler);
          auto guard = asio::make_work_guard(executor);
          worker.post(detail::make_job(
              std::move(moved),
              [handler = std::move(handler), guard = std::move(guard), executor](Work& job) mutable {
                std::exception_ptr error;
                Result result{};
                try {
                  result = job();
                } catch (...) {
                  error = std::current_exception();
                }
                asio::post(executor, [handler = std::move(handler), guard = std::move(guard),
                                      error = std::move(error), result = std::move(result)]() mutable {
                  std::move(handler)(std::move(error), std::move(result));
                });
              }));
        },
        asio::use_awaitable, std::move(work));
  }
}

}  // namespace stibee_sync::runtime
