// Functions over pixels as JavaScript calls them: src/data/decode/pixelLoops.ts has their types.
#include "pixels/pixelFunctions.h"

#include "pixels/pixels.h"

namespace regraft {

namespace {

void check(Napi::Env env, bool holds) {
  if (!holds) throw Napi::RangeError::New(env, "the sizes do not fit together");
}

Taps tapsFrom(const Napi::Value &value) {
  const auto from = value.As<Napi::Object>();
  const auto bounds = from.Get("bounds").As<Napi::Int32Array>(), weights = from.Get("weights").As<Napi::Int32Array>();
  const Taps taps{bounds.Data(), weights.Data(), from.Get("stride").ToNumber().Uint32Value(), bounds.ElementLength() / 2};
  check(value.Env(), taps.count > 0 && taps.count * taps.stride <= weights.ElementLength());
  for (size_t i = 0; i < taps.count; i++) {
    check(value.Env(), taps.bounds[2 * i] >= taps.bounds[0] && taps.bounds[0] >= 0 && taps.bounds[2 * i + 1] >= 0);
    check(value.Env(), taps.length(i) <= taps.stride && taps.first(i) + taps.length(i) <= taps.end());
  }
  return taps;
}

/// (pixels, start, rowBytes, columns, rows, target)
void Resample(const Napi::CallbackInfo &info) {
  const auto pixels = info[0].As<Napi::Uint8Array>();
  auto target = info[5].As<Napi::Uint8Array>();
  const auto start = info[1].ToNumber().Int64Value(), rowBytes = info[2].ToNumber().Int64Value();
  const Taps columns = tapsFrom(info[3]), rows = tapsFrom(info[4]);
  check(info.Env(), start >= 0 && rowBytes >= 0 && rows.end() > 0 && target.ElementLength() == columns.count * rows.count * 3);
  check(info.Env(), static_cast<size_t>(start) + (rows.end() - 1) * static_cast<size_t>(rowBytes) + columns.end() * 3 <= pixels.ElementLength());
  resample(pixels.Data() + start, static_cast<size_t>(rowBytes), columns, rows, target.Data());
}

/// (pixels, size, flipped, [red, green, blue], out)
void Normalise(const Napi::CallbackInfo &info) {
  const auto pixels = info[0].As<Napi::Uint8Array>();
  const size_t size = info[1].ToNumber().Uint32Value();
  const auto given = info[3].As<Napi::Array>();
  auto out = info[4].As<Napi::Float32Array>();
  check(info.Env(), pixels.ElementLength() == size * size * 3 && out.ElementLength() == size * size * 3);
  const float *tables[3];
  for (uint32_t c = 0; c < 3; c++) {
    const auto table = given.Get(c).As<Napi::Float32Array>();
    check(info.Env(), table.ElementLength() == 256);
    tables[c] = table.Data();
  }
  normalise(pixels.Data(), size, info[2].ToBoolean(), tables, out.Data());
}

/// (source, start, stride, kernel, out, outStart, count)
void Symmetric(const Napi::CallbackInfo &info) {
  const auto source = info[0].As<Napi::Float32Array>(), kernel = info[3].As<Napi::Float32Array>();
  auto out = info[4].As<Napi::Float32Array>();
  const auto number = [&info](size_t i) { return info[i].ToNumber().Int64Value(); };
  const int64_t start = number(1), stride = number(2), outStart = number(5), count = number(6);
  const int64_t reach = (static_cast<int64_t>(kernel.ElementLength()) - 1) * stride;
  check(info.Env(), reach >= 0 && stride > 0 && count >= 0 && start >= reach && outStart >= 0);
  check(info.Env(), start + count + reach <= static_cast<int64_t>(source.ElementLength()) && outStart + count <= static_cast<int64_t>(out.ElementLength()));
  symmetric(source.Data() + start, static_cast<size_t>(stride), kernel.Data(), kernel.ElementLength(), out.Data() + outStart, static_cast<size_t>(count));
}

}  // namespace

void exportPixelFunctions(Napi::Env env, Napi::Object exports) {
  exports.Set("resample", Napi::Function::New(env, Resample));
  exports.Set("normalise", Napi::Function::New(env, Normalise));
  exports.Set("symmetric", Napi::Function::New(env, Symmetric));
}

}  // namespace regraft
