#include "plan/program.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>
#include <stdexcept>
#include <utility>

#include "plan/ahead.h"
#include "plan/check.h"
#include "layout.h"
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace regraft {

namespace {

/// Channels that are nearly dead make denormal numbers, which cost a hundred times as much as others.
void flushDenormals() {
#if defined(__x86_64__)
#pragma omp parallel
  _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

/// A copy by all threads, since one alone does not use the memory's bandwidth.
void copy(const float *from, float *to, size_t count) {
  constexpr size_t part = 1 << 16;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < count; i += part) memcpy(to + i, from + i, std::min(part, count - i) * sizeof(float));
}

}  // namespace

Program::Program(Plan plan) : plan_(std::move(plan)), thread_([this] { work(); }) {}

Program::~Program() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Program::work() {
  omp_set_num_threads(plan_.threads);
  flushDenormals();
  for (;;) {
    std::pair<std::function<void()>, Done> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) break;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    std::string error;
    try {
      job.first();
    } catch (const dnnl::error &failure) {
      error = std::string("oneDNN: ") + failure.what();
    } catch (const std::exception &failure) {
      error = failure.what();
    }
    job.second(error);
  }
  for (auto &job : jobs_) job.second("the program has been disposed of");
}

void Program::post(std::function<void()> job, Done done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_.emplace_back(std::move(job), std::move(done));
  }
  wake_.notify_one();
}

Step Program::build(const Operation &operation) {
  const Builder builder = builderOf(operation.kernel);
  if (!builder) throw std::runtime_error("there is no kernel '" + operation.kernel + "'");
  try {
    return builder(*context_, operation);
  } catch (const dnnl::error &failure) {
    throw std::runtime_error(operation.kernel + " '" + plan_.values.at(operation.outputs.at(0)).name + "': " + failure.what());
  }
}

void Program::compile(Done done) {
  post(
      [this] {
        check(plan_);
        context_ = std::make_unique<Context>(plan_);
        for (const Strip &strip : plan_.strips) {
          context_->enter(strip);
          // A primitive is made for as many threads as it will have.
          omp_set_num_threads(context_->team());
          for (int i = strip.first; i < strip.end; i++) {
            goOn();
            steps_.push_back(build(plan_.operations.at(i)));
            implementations_.push_back(std::exchange(context_->implementation, {}));
          }
          readings_.push_back(readBy(strip));
        }
        omp_set_num_threads(plan_.threads);
        context_->allocateShared();
        seconds_.assign(steps_.size(), 0);
      },
      std::move(done));
}

void Program::goOn() const {
  if (stop_) throw std::runtime_error("the program has been disposed of");
  if (stopped_ && __atomic_load_n(stopped_, __ATOMIC_RELAXED)) throw std::runtime_error("the run was stopped");
}

std::vector<Program::Reading> Program::readBy(const Strip &strip) const {
  std::vector<Reading> found;
  std::set<int> known;
  for (int i = strip.first; i < strip.end; i++) {
    for (int index : plan_.operations[i].inputs) {
      if (index < 0 || !known.insert(index).second) continue;
      const Value &value = plan_.values[index];
      const auto pixelBytes = static_cast<int64_t>(value.precision == Precision::bfloat16 ? sizeof(Bfloat16Lanes) : sizeof(Lanes));
      if (value.batched && value.layout == Layout::blocked) found.push_back({index, context_->planes(index), pixelBytes});
    }
    known.insert(plan_.operations[i].outputs.begin(), plan_.operations[i].outputs.end());
  }
  return found;
}

void Program::fetchFor(const Part &part, const std::vector<Reading> &readings) const {
  Context::part() = part;
  Ahead &ahead = Ahead::own();
  ahead.clear();
  for (const auto &[value, planes, pixelBytes] : readings) {
    const char *at = reinterpret_cast<const char *>(context_->data(value));
    const int64_t count = planes.batch * planes.blocks, step = planes.step() * pixelBytes, bytes = planes.pixels() * pixelBytes;
    if (bytes == step) ahead.add(at, count * step);
    else
      for (int64_t i = 0; i < count; i++) ahead.add(at + i * step, bytes);
  }
  ahead.begin();
}

/// The parts [from, end) of a strip.
void Program::runParts(const Strip &strip, const std::vector<Reading> &readings, int thread, int from, int end) {
  const auto part = [&](int time) { return Part{time / strip.pieces * strip.images, time % strip.pieces, strip.pieces, thread, time == from}; };
  Ahead::own().restart();
  for (int time = from; time < end; time++) {
    if (time + 1 < end) fetchFor(part(time + 1), readings);
    else Ahead::own().clear();
    Context::part() = part(time);
    for (int i = strip.first; i < strip.end; i++) {
      goOn();
      const double began = omp_get_wtime();
      steps_[i].run();
      if (thread == 0) seconds_[i] += omp_get_wtime() - began;
    }
  }
  Context::part() = {};
}

void Program::runStrip(const Strip &strip, const std::vector<Reading> &readings) {
  for (int i = strip.first; i < strip.end; i++)
    if (steps_[i].before) steps_[i].before();
  if (strip.apart) {
    const int share = strip.times / plan_.threads;
    std::exception_ptr failure;
#pragma omp parallel num_threads(plan_.threads)
    {
      const int thread = omp_get_thread_num();
      try {
        runParts(strip, readings, thread, thread * share, (thread + 1) * share);
      } catch (...) {
#pragma omp critical
        failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
  } else {
    runParts(strip, readings, 0, 0, strip.times);
  }
  for (int i = strip.first; i < strip.end; i++)
    if (steps_[i].after) steps_[i].after();
  for (int i = strip.first; i < strip.end; i++)
    for (int output : plan_.operations[i].outputs)
      if (output >= 0) context_->versions[output]++;
}

void Program::run(std::vector<const float *> inputs, std::vector<float *> outputs, const uint8_t *stopped, Done done) {
  post(
      [this, inputs = std::move(inputs), outputs = std::move(outputs), stopped] {
        if (!context_) throw std::runtime_error("the program is not compiled");
        if (inputs.size() != plan_.inputs.size() || outputs.size() != plan_.outputs.size()) throw std::runtime_error("the program takes other inputs or outputs");
        stopped_ = stopped;
        for (size_t i = 0; i < inputs.size(); i++) {
          const int value = plan_.inputs[i];
          size_t count = 1;
          for (int64_t side : plan_.values[value].dims) count *= side;
          copy(inputs[i], context_->data(value), count);
          context_->versions[value]++;
        }
        for (size_t i = 0; i < plan_.strips.size(); i++) runStrip(plan_.strips[i], readings_[i]);
        context_->stream.wait();
        for (size_t i = 0; i < outputs.size(); i++) out(plan_.outputs[i], outputs[i]);
      },
      std::move(done));
}

/// Copies a value out in row-major order.
void Program::out(int index, float *to) {
  const Value &value = plan_.values.at(index);
  size_t count = 1;
  for (int64_t side : value.dims) count *= side;
  if (value.layout == Layout::blocked && value.precision == Precision::bfloat16) fromBlocked(reinterpret_cast<Bfloat16Lanes *>(context_->data(index)), to, value.dims);
  else if (value.layout == Layout::blocked) fromBlocked(reinterpret_cast<Lanes *>(context_->data(index)), to, value.dims);
  else if (value.layout == Layout::weights && api::isSet(context_->weightLayouts[index])) fromWeights(*context_, context_->data(index), to, value.dims, context_->weightLayouts[index]);
  else memcpy(to, context_->data(index), count * sizeof(float));
}

void Program::read(int value, float *to, Done done) {
  post(
      [this, value, to] {
        if (!context_) throw std::runtime_error("the program is not compiled");
        out(value, to);
      },
      std::move(done));
}

void Program::write(int index, const float *from, Done done) {
  post(
      [this, index, from] {
        if (!context_) throw std::runtime_error("the program is not compiled");
        const Value &value = plan_.values.at(index);
        context_->versions[index]++;
        size_t count = 1;
        for (int64_t side : value.dims) count *= side;
        if (value.layout == Layout::weights && api::isSet(context_->weightLayouts[index])) toWeights(*context_, from, context_->data(index), value.dims, context_->weightLayouts[index]);
        else memcpy(context_->data(index), from, count * sizeof(float));
      },
      std::move(done));
}

}  // namespace regraft
