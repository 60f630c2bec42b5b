#include "peak.h"

#include <omp.h>

#include <algorithm>

#include "plan/arena.h"
#include "convolution/dnnl_api.h"

namespace regraft {

double productRate(Precision precision, int threads) {
  using dnnl::memory;
  constexpr int64_t side = 2048;
  constexpr int runs = 5;
  omp_set_num_threads(threads);
  const auto type = precision == Precision::bfloat16 ? memory::data_type::bf16 : memory::data_type::f32;
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  // The weights in the order that the primitive likes best, as convolutions have them.
  const memory::desc rows({side, side}, type, memory::format_tag::ab), any({side, side}, type, memory::format_tag::any);
  const auto pd = api::product(engine, rows, any, rows);
  dnnl::matmul primitive(pd);
  Arena a(pd.src_desc().get_size()), b(pd.weights_desc().get_size()), c(pd.dst_desc().get_size());
  const std::unordered_map<int, memory> args{{DNNL_ARG_SRC, memory(pd.src_desc(), engine, a.data())},
                                             {DNNL_ARG_WEIGHTS, memory(pd.weights_desc(), engine, b.data())},
                                             {DNNL_ARG_DST, memory(pd.dst_desc(), engine, c.data())}};
  double best = 1e9;
  for (int i = 0; i < runs; i++) {
    const double began = omp_get_wtime();
    primitive.execute(stream, args);
    stream.wait();
    best = std::min(best, omp_get_wtime() - began);
  }
  return static_cast<double>(side) * side * side / best;
}

}  // namespace regraft
