#pragma once

#include "stibee_sync/runtime/worker.hpp"

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/awaitable.hpp>

namespace stibee_sync::runtime {

/// What became of a job: its value, or the words of the `Error` that it threw. A value; made by one thread
/// and read by another.
template <class R, class Error>
class [[nodiscard]] Answer {
 public:
  Answer() = default;  // of nothing yet: neither
  explicit Answer(R value) : value_(std::move(value)) {}
  static Answer failed(std::string error) {
    Answer answer;
    answer.error_ = std::move(error);
    return answer;
  }

  explicit operator bool() const { return value_.has_value(); }
  /// "" if there is a value.
  const std::string& error() const { return error_; }
  /// Throws Error if there is none: for a caller all of whose work fails with this job (see `answer_of`).
  const R& value() const& {
    if (!value_) throw Error(error_);
    return *value_;
  }
  R value() && {
    if (!value_) throw Error(error_);
    return std::move(*value_);
  }

 private:
  std::optional<R> value_;
  std::string error_;
};

template <class Error>
class [[nodiscard]] Answer<void, Error> {
 public:
  Answer() = default;  // done
  static Answer failed(std::string error) {
    Answer answer;
    answer.error_ = std::move(error);
    return answer;
  }

  explicit operator bool() const { return !error_.has_value(); }
  const std::string& error() const {
    static const std::string none;
    return error_ ? *error_ : none;
  }
  void value() const {
    if (error_) throw Error(*error_);
  }

 private:
  std::optional<std::string> error_;
};

/// Runs `task`; an `Error` that it throws becomes the answer, so that it need not be caught.
template <class Error, class R>
boost::asio::awaitable<Answer<R, Error>> answer_of(boost::asio::awaitable<R> task) {
  Answer<R, Error> answer;
  try {
    if constexpr (std::is_void_v<R>) {
      co_await std::move(task);
    } else {
      R value = co_await std::move(task);
      answer = Answer<R, Error>(std::move(value));
    }
  } catch (const Error& error) {
    answer = Answer<R, Error>::failed(error.what());
  }
  co_return answer;
}

/// What may leave the thread of a confined object: never a way back to it.
template <class R>
concept Crosses = !std::is_reference_v<R> && !std::is_pointer_v<R>;

/// An object that lives on a thread of its own and can be reached no other way: a job goes in, a value or a
/// `T::Error` comes out. The object is destroyed on that thread, after all jobs. To be destroyed before the
/// io_context that its jobs resume on, as its worker.
template <class T>
class Confined {
 public:
  using Error = typename T::Error;

  /// Nobody else may keep a way to the object. Neither is null.
  Confined(std::unique_ptr<T> object, std::unique_ptr<Worker> worker)
      : object_(std::move(object)), worker_(std::move(worker)) {}
  ~Confined() {
    worker_->post(detail::make_job([] {}, [this](auto&) { object_.reset(); }));
    worker_.reset();
  }
  Confined(const Confined&) = delete;
  Confined& operator=(const Confined&) = delete;

  /// Calls `job(object)` there, after all jobs given before, and resumes the awaiting coroutine on its own
  /// executor with the answer. Any exception but `Error` is a bug and comes out as it is. A plain function:
  /// name the job first (`auto job = […](T& object) {…}; co_await confined.run(std::move(job));`). The result
  /// must be movable; nothing is cancelled.
  template <class Job>
    requires std::invocable<Job&, T&> && Crosses<std::invoke_result_t<Job&, T&>>
  auto run(Job job) -> boost::asio::awaitable<Answer<std::invoke_result_t<Job&, T&>, Error>> {
    using R = std::invoke_result_t<Job&, T&>;
    auto work = [&object = object_, job = std::move(job)]() mutable {
      if (!object) return Answer<R, Error>::failed("closed: this program is stopping");
      try {
        if constexpr (std::is_void_v<R>) {
          job(*object);
          return Answer<R, Error>();
        } else {
          return Answer<R, Error>(job(*object));
        }
      } catch (const Error& error) {
        return Answer<R, Error>::failed(error.what());
      }
    };
    return offload(*worker_, std::move(work));
  }

  /// Destroys the object there, after all jobs given before; those given later fail. Returns when it is done.
  boost::asio::awaitable<void> close() {
    auto work = [&object = object_] { object.reset(); };
    return offload(*worker_, std::move(work));
  }

 private:
  std::unique_ptr<T> object_;  // the worker's
  std::unique_ptr<Worker> worker_;
};

}  // namespace stibee_sync::runtime
