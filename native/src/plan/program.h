// A compiled plan with a thread of its own, which does one job after another.
#pragma once
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "plan/context.h"

namespace regraft {

class Program {
 public:
  /// What a job came to; empty where it succeeded.
  using Done = std::function<void(const std::string &error)>;

  explicit Program(Plan plan);
  /// Cancels what runs and waits for the thread to end.
  ~Program();

  /// Builds the steps; the first job.
  void compile(Done done);
  /// Copies inputs in, runs every step, copies outputs out. The arrays must stay until `done` is called. Ends with an error
  /// before the next step where `stopped` is not 0 any more.
  void run(std::vector<const float *> inputs, std::vector<float *> outputs, const uint8_t *stopped, Done done);
  void read(int value, float *to, Done done);
  void write(int value, const float *from, Done done);
  const Plan &plan() const { return plan_; }
  /// Scratch that the steps share, known once compiled.
  size_t sharedBytes() const { return context_ ? context_->sharedBytes() : 0; }
  /// What oneDNN chose for each operation, empty for own kernels; known once compiled.
  const std::vector<std::string> &implementations() const { return implementations_; }
  /// Seconds that the first thread spent in each operation, over all runs; only while nothing runs.
  const std::vector<double> &seconds() const { return seconds_; }

 private:
  /// Images that a strip reads, and that were made before it.
  struct Reading {
    int value;
    Context::Planes planes;
    int64_t pixelBytes;
  };

  void post(std::function<void()> job, Done done);
  void work();
  Step build(const Operation &operation);
  void runStrip(const Strip &strip, const std::vector<Reading> &readings);
  void runParts(const Strip &strip, const std::vector<Reading> &readings, int thread, int from, int end);
  std::vector<Reading> readBy(const Strip &strip) const;
  /// Has what a part will read fetched while the one before it is worked on.
  void fetchFor(const Part &part, const std::vector<Reading> &readings) const;
  void out(int value, float *to);
  /// @throws where the job is not wanted any more
  void goOn() const;

  const Plan plan_;
  std::unique_ptr<Context> context_;
  std::vector<Step> steps_;
  std::vector<std::string> implementations_;
  /// By strips.
  std::vector<std::vector<Reading>> readings_;
  std::vector<double> seconds_;
  std::deque<std::pair<std::function<void()>, Done>> jobs_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  const uint8_t *stopped_ = nullptr;
  std::thread thread_;
};

}  // namespace regraft
