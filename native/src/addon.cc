// The door to JavaScript: a class Program whose methods return promises, and functions over pixels.
#include <napi.h>

#include <set>

#include "peak.h"
#include "pixels/pixelFunctions.h"
#include "plan/planFrom.h"
#include "plan/program.h"
#include "tiles/tiles.h"

namespace regraft {

namespace {

/// A promise that another thread settles, and what has to stay alive until then.
struct Pending {
  Napi::Promise::Deferred deferred;
  Napi::ThreadSafeFunction settle;
  std::vector<Napi::Reference<Napi::Value>> kept;
  std::string error;
};

std::pair<Napi::Value, Program::Done> promise(Napi::Env env, std::vector<Napi::Value> kept) {
  auto *pending = new Pending{Napi::Promise::Deferred::New(env), {}, {}, {}};
  for (auto &value : kept) pending->kept.push_back(Napi::Persistent(value));
  pending->settle = Napi::ThreadSafeFunction::New(env, Napi::Function(), "regraft", 0, 1);
  const Napi::Value result = pending->deferred.Promise();
  auto done = [pending](const std::string &error) {
    pending->error = error;
    auto settle = pending->settle;
    const auto status = settle.BlockingCall(pending, [](Napi::Env env, Napi::Function, Pending *finished) {
      Napi::HandleScope scope(env);
      try {
        if (finished->error.empty()) finished->deferred.Resolve(env.Undefined());
        else finished->deferred.Reject(Napi::Error::New(env, finished->error).Value());
      } catch (const Napi::Error &) {
        // JavaScript is being torn down.
      }
      delete finished;
    });
    // Where JavaScript is being torn down nobody waits for the answer any more, and the function is gone with it.
    if (status != napi_closing) settle.Release();
  };
  return {result, done};
}

class ProgramObject : public Napi::ObjectWrap<ProgramObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Program",
                       {InstanceMethod("compile", &ProgramObject::Compile), InstanceMethod("run", &ProgramObject::Run), InstanceMethod("read", &ProgramObject::Read),
                        InstanceMethod("write", &ProgramObject::Write), InstanceMethod("sharedBytes", &ProgramObject::SharedBytes),
                        InstanceMethod("implementations", &ProgramObject::Implementations), InstanceMethod("seconds", &ProgramObject::Seconds),
                        InstanceMethod("dispose", &ProgramObject::Dispose)});
  }

  explicit ProgramObject(const Napi::CallbackInfo &info) : Napi::ObjectWrap<ProgramObject>(info) {
    program_ = std::make_unique<Program>(planFrom(info[0].As<Napi::Object>()));
    alive_ = *info.Env().GetInstanceData<Alive>();
    alive_->insert(this);
  }
  ~ProgramObject() override { alive_->erase(this); }

  /// All of a JavaScript thread.
  using Alive = std::shared_ptr<std::set<ProgramObject *>>;
  /// Where that is being torn down, the programs' threads have to end before the functions that they call are gone.
  static void End(void *alive) {
    for (ProgramObject *object : **static_cast<Alive *>(alive)) object->program_.reset();
  }

 private:
  Program &program(const Napi::CallbackInfo &info) {
    if (!program_) throw Napi::Error::New(info.Env(), "the program has been disposed of");
    return *program_;
  }

  Napi::Value Compile(const Napi::CallbackInfo &info) {
    Program &own = program(info);
    auto [result, done] = promise(info.Env(), {});
    own.compile(done);
    return result;
  }

  Napi::Value Run(const Napi::CallbackInfo &info) {
    const auto given = info[0].As<Napi::Array>(), wanted = info[1].As<Napi::Array>();
    std::vector<const float *> inputs;
    std::vector<float *> outputs;
    for (uint32_t i = 0; i < given.Length(); i++) inputs.push_back(given.Get(i).As<Napi::Float32Array>().Data());
    for (uint32_t i = 0; i < wanted.Length(); i++) outputs.push_back(wanted.Get(i).As<Napi::Float32Array>().Data());
    Program &own = program(info);
    const uint8_t *stopped = info[2].As<Napi::Uint8Array>().Data();
    auto [result, done] = promise(info.Env(), {given, wanted, info[2]});
    own.run(std::move(inputs), std::move(outputs), stopped, done);
    return result;
  }

  Napi::Value Read(const Napi::CallbackInfo &info) {
    Program &own = program(info);
    auto [result, done] = promise(info.Env(), {info[1]});
    own.read(info[0].ToNumber().Int32Value(), info[1].As<Napi::Float32Array>().Data(), done);
    return result;
  }

  Napi::Value Write(const Napi::CallbackInfo &info) {
    Program &own = program(info);
    auto [result, done] = promise(info.Env(), {info[1]});
    own.write(info[0].ToNumber().Int32Value(), info[1].As<Napi::Float32Array>().Data(), done);
    return result;
  }

  Napi::Value SharedBytes(const Napi::CallbackInfo &info) { return Napi::Number::New(info.Env(), static_cast<double>(program(info).sharedBytes())); }

  Napi::Value Implementations(const Napi::CallbackInfo &info) {
    const auto &chosen = program(info).implementations();
    auto result = Napi::Array::New(info.Env(), chosen.size());
    for (size_t i = 0; i < chosen.size(); i++) result.Set(static_cast<uint32_t>(i), chosen[i]);
    return result;
  }

  Napi::Value Seconds(const Napi::CallbackInfo &info) {
    const std::vector<double> &seconds = program(info).seconds();
    auto result = Napi::Float64Array::New(info.Env(), seconds.size());
    std::copy(seconds.begin(), seconds.end(), result.Data());
    return result;
  }

  void Dispose(const Napi::CallbackInfo &) { program_.reset(); }

  std::unique_ptr<Program> program_;
  Alive alive_;
};

/// Measures on a thread of its own.
class RateWorker : public Napi::AsyncWorker {
 public:
  RateWorker(Napi::Env env, Precision precision, int threads) : Napi::AsyncWorker(env), deferred(Napi::Promise::Deferred::New(env)), precision_(precision), threads_(threads) {}
  void Execute() override { rate_ = productRate(precision_, threads_); }
  void OnOK() override { deferred.Resolve(Napi::Number::New(Env(), rate_)); }
  void OnError(const Napi::Error &error) override { deferred.Reject(error.Value()); }

  const Napi::Promise::Deferred deferred;

 private:
  const Precision precision_;
  const int threads_;
  double rate_ = 0;
};

Napi::Value ProductRate(const Napi::CallbackInfo &info) {
  auto *worker = new RateWorker(info.Env(), precisionOf(info[0]), info[1].ToNumber().Int32Value());
  worker->Queue();
  return worker->deferred.Promise();
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto *alive = new ProgramObject::Alive(std::make_shared<std::set<ProgramObject *>>());
  env.SetInstanceData(alive);
  napi_add_env_cleanup_hook(env, &ProgramObject::End, alive);
  const dnnl_version_t *version = dnnl_version();
  exports.Set("version", std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch));
  exports.Set("channelBlock", Napi::Number::New(env, static_cast<double>(block)));
  const tiles::Found &found = tiles::found();
  exports.Set("tiles", Napi::String::New(env, found.kind == tiles::Kind::amx ? "amx" : found.kind == tiles::Kind::portable ? "portable" : ""));
  exports.Set("lacksTiles", Napi::String::New(env, found.why));
  exports.Set("productRate", Napi::Function::New(env, ProductRate));
  exports.Set("Program", ProgramObject::Define(env));
  exportPixelFunctions(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(regraft_native, Init)

}  // namespace regraft
