#include "plan/planFrom.h"

namespace regraft {

namespace {

std::vector<int> integers(const Napi::Value &value) {
  const auto array = value.As<Napi::Array>();
  std::vector<int> result;
  for (uint32_t i = 0; i < array.Length(); i++) result.push_back(array.Get(i).ToNumber().Int32Value());
  return result;
}

}  // namespace

Precision precisionOf(const Napi::Value &value) { return value.ToString().Utf8Value() == "bfloat16" ? Precision::bfloat16 : Precision::float32; }

Plan planFrom(const Napi::Object &object) {
  Plan plan;
  const auto values = object.Get("values").As<Napi::Array>();
  for (uint32_t i = 0; i < values.Length(); i++) {
    const auto from = values.Get(i).As<Napi::Object>();
    Value value;
    value.name = from.Get("name").ToString();
    for (int side : integers(from.Get("dims"))) value.dims.push_back(side);
    const std::string layout = from.Get("layout").ToString();
    value.layout = layout == "blocked" ? Layout::blocked : layout == "weights" ? Layout::weights : Layout::plain;
    value.precision = precisionOf(from.Get("precision"));
    value.persistent = from.Get("persistent").ToBoolean();
    value.batched = from.Get("batched").ToBoolean();
    value.local = from.Get("local").ToBoolean();
    value.bytes = static_cast<size_t>(from.Get("bytes").ToNumber().Int64Value());
    value.offset = static_cast<size_t>(from.Get("offset").ToNumber().Int64Value());
    plan.values.push_back(std::move(value));
  }
  const auto operations = object.Get("operations").As<Napi::Array>();
  for (uint32_t i = 0; i < operations.Length(); i++) {
    const auto from = operations.Get(i).As<Napi::Object>();
    Operation operation;
    operation.kernel = from.Get("kernel").ToString();
    operation.inputs = integers(from.Get("inputs"));
    operation.outputs = integers(from.Get("outputs"));
    const auto numbers = from.Get("numbers").As<Napi::Object>();
    const auto names = numbers.GetPropertyNames();
    for (uint32_t k = 0; k < names.Length(); k++) {
      const auto list = numbers.Get(names.Get(k)).As<Napi::Array>();
      auto &to = operation.numbers[names.Get(k).ToString()];
      for (uint32_t j = 0; j < list.Length(); j++) to.push_back(list.Get(j).ToNumber().DoubleValue());
    }
    plan.operations.push_back(std::move(operation));
  }
  const auto strips = object.Get("strips").As<Napi::Array>();
  for (uint32_t i = 0; i < strips.Length(); i++) {
    const auto from = strips.Get(i).As<Napi::Object>();
    const auto number = [&from](const char *name) { return from.Get(name).ToNumber().Int32Value(); };
    plan.strips.push_back({number("first"), number("end"), number("images"), number("pieces"), number("times"), from.Get("apart").ToBoolean()});
  }
  plan.inputs = integers(object.Get("inputs"));
  plan.outputs = integers(object.Get("outputs"));
  plan.arenaBytes = static_cast<size_t>(object.Get("arenaBytes").ToNumber().Int64Value());
  plan.threadBytes = static_cast<size_t>(object.Get("threadBytes").ToNumber().Int64Value());
  plan.threads = object.Get("threads").ToNumber().Int32Value();
  return plan;
}

}  // namespace regraft
