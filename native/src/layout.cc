#include "layout.h"

#include <algorithm>
#include <cstring>

namespace regraft {

using dnnl::memory;

template <class Pixel>
void toBlocked(const float *from, Pixel *to, const std::vector<int64_t> &dims) {
  const int64_t channels = dims[1], blocks = padded(channels) / block, pixels = dims[2] * dims[3];
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t n = 0; n < dims[0]; n++)
    for (int64_t b = 0; b < blocks; b++) {
      const float *source = from + (n * channels + b * block) * pixels;
      const int64_t used = std::min(channels - b * block, block);
      for (int64_t p = 0; p < pixels; p++) {
        Lanes pixel{};
        for (int64_t c = 0; c < used; c++) pixel[c] = source[c * pixels + p];
        to[(n * blocks + b) * pixels + p] = pixel;
      }
    }
}

template <class Pixel>
void fromBlocked(const Pixel *from, float *to, const std::vector<int64_t> &dims) {
  const int64_t channels = dims[1], blocks = padded(channels) / block, pixels = dims[2] * dims[3];
#pragma omp parallel for collapse(2) schedule(static)
  for (int64_t n = 0; n < dims[0]; n++)
    for (int64_t b = 0; b < blocks; b++) {
      float *target = to + (n * channels + b * block) * pixels;
      const int64_t used = std::min(channels - b * block, block);
      for (int64_t p = 0; p < pixels; p++) {
        const Lanes pixel = from[(n * blocks + b) * pixels + p];
        for (int64_t c = 0; c < used; c++) target[c * pixels + p] = pixel[c];
      }
    }
}

template void toBlocked(const float *, Lanes *, const std::vector<int64_t> &);
template void toBlocked(const float *, Bfloat16Lanes *, const std::vector<int64_t> &);
template void fromBlocked(const Lanes *, float *, const std::vector<int64_t> &);
template void fromBlocked(const Bfloat16Lanes *, float *, const std::vector<int64_t> &);

namespace {

/// Sizes of the padded weights in row-major order: a layout with groups has one axis more.
std::vector<int64_t> paddedDims(const memory::desc &layout) {
  const auto dims = api::dims(layout);
  if (dims.size() == 4) return {dims[0], dims[1], dims[2], dims[3]};
  return {dims[0] * dims[1], dims[2], dims[3], dims[4]};
}

memory::desc plainDesc(const memory::desc &layout) {
  const auto dims = api::dims(layout);
  const auto tag = dims.size() == 4 ? memory::format_tag::oihw : memory::format_tag::goihw;
  return memory::desc(dims, memory::data_type::f32, tag);
}

void move(Context &context, const memory::desc &fromDesc, const float *from, const memory::desc &toDesc, void *to) {
  memory source(fromDesc, context.engine, const_cast<float *>(from)), target(toDesc, context.engine, to);
  dnnl::reorder(source, target).execute(context.stream, source, target);
  context.stream.wait();
}

}  // namespace

void toWeights(Context &context, const float *from, void *to, const std::vector<int64_t> &dims, const memory::desc &layout) {
  const auto wide = paddedDims(layout);
  const int64_t area = dims[2] * dims[3];
  std::vector<float> plain(wide[0] * wide[1] * area, 0.0f);
  for (int64_t o = 0; o < dims[0]; o++)
    for (int64_t i = 0; i < dims[1]; i++)
      memcpy(&plain[(o * wide[1] + i) * area], from + (o * dims[1] + i) * area, area * sizeof(float));
  memset(to, 0, layout.get_size());
  move(context, plainDesc(layout), plain.data(), layout, to);
}

void fromWeights(Context &context, const float *from, float *to, const std::vector<int64_t> &dims, const memory::desc &layout) {
  const auto wide = paddedDims(layout);
  const int64_t area = dims[2] * dims[3];
  std::vector<float> plain(wide[0] * wide[1] * area);
  move(context, layout, from, plainDesc(layout), plain.data());
  for (int64_t o = 0; o < dims[0]; o++)
    for (int64_t i = 0; i < dims[1]; i++)
      memcpy(to + (o * dims[1] + i) * area, &plain[(o * wide[1] + i) * area], area * sizeof(float));
}

}  // namespace regraft
