// Weights in the layout that a kernel wants.
#pragma once
#include <stdexcept>

#include "convolution/groups.h"
#include "layout.h"

namespace regraft {

/// Weights as a primitive wants them: where they are kept, or put in order for it before its strip runs. In bfloat16 they
/// are a copy of its own, which is made again when the weights have changed; so are joined groups that no update changes.
struct WeightsIn {
  int index;
  std::shared_ptr<Arena> own;
  uint64_t version = 0;
  dnnl::memory kept, wanted;
  dnnl::reorder reorder;
  std::vector<int64_t> dims;
  dnnl::memory::desc layout;
  Groups groups;
  bool plain = false, same = true;
  size_t held = 0, joined = 0;

  WeightsIn(Context &c, int at, const dnnl::memory::desc &keptLayout, const dnnl::memory::desc &wantedLayout, const Groups &of = {}) : index(at), dims(c.value(index).dims), layout(keptLayout), groups(of) {
    plain = c.value(index).layout == Layout::plain;
    if (!plain) {
      auto &chosen = c.weightLayouts[index];
      if (!api::isSet(chosen)) chosen = keptLayout;
      layout = chosen;
      if (layout.get_size() > c.value(index).bytes) throw std::runtime_error("the layout of '" + c.value(index).name + "' is larger than planned");
    }
    same = !plain && layout == wantedLayout;
    if (groups.any()) {
      joined = c.hold(groups.floats() * sizeof(float));
      layout = dnnl::memory::desc(api::dims(wantedLayout), dnnl::memory::data_type::f32, dnnl::memory::format_tag::goihw);
    }
    kept = dnnl::memory(layout, c.engine, nullptr);
    wanted = dnnl::memory(wantedLayout, c.engine, nullptr);
    if (same) return;
    if (api::type(wantedLayout) == dnnl::memory::data_type::bf16 || (groups.any() && !c.isWritten(index))) own = c.keep(wantedLayout.get_size());
    else held = c.hold(wantedLayout.get_size());
    if (!plain || groups.any()) reorder = dnnl::reorder(kept, wanted);
  }

  void prepare(Context &c, float *data) {
    if (same || (own && version == c.versions[index])) return;
    version = c.versions[index];
    wanted.set_data_handle(place(c));
    if (groups.any()) groups.join(data, c.held(joined));
    else if (plain) return toWeights(c, data, place(c), dims, wanted.get_desc());
    kept.set_data_handle(groups.any() ? c.held(joined) : data);
    reorder.execute(c.stream, kept, wanted);
  }

  float *data(const Context &c, float *data) const { return same ? data : place(c); }
  float *place(const Context &c) const { return own ? reinterpret_cast<float *>(own->data()) : c.held(held); }
};

}  // namespace regraft
