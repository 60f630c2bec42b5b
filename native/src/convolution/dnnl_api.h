// The one place that knows which oneDNN this is: version 2.6 makes primitives from descriptors, version 3 at once.
#pragma once
#include <oneapi/dnnl/dnnl.hpp>

namespace regraft::api {

/// A convolution as all three of its primitives are told it.
struct Convolution {
  dnnl::memory::desc source, weights, target;
  dnnl::memory::dims stride, padBefore, padAfter;
};

using Forward = dnnl::convolution_forward::primitive_desc;
using BackwardData = dnnl::convolution_backward_data::primitive_desc;
using BackwardWeights = dnnl::convolution_backward_weights::primitive_desc;

constexpr auto direct = dnnl::algorithm::convolution_direct;
constexpr auto training = dnnl::prop_kind::forward_training;

#if DNNL_VERSION_MAJOR >= 3

inline bool isSet(const dnnl::memory::desc &desc) { return desc.get_ndims() > 0; }
inline dnnl::memory::dims dims(const dnnl::memory::desc &desc) { return desc.get_dims(); }
inline dnnl::memory::data_type type(const dnnl::memory::desc &desc) { return desc.get_data_type(); }

inline void appendActivation(dnnl::post_ops &post, dnnl::algorithm kind, float alpha, float beta) { post.append_eltwise(kind, alpha, beta); }

inline Forward forward(const dnnl::engine &engine, const Convolution &c, const dnnl::primitive_attr &attr) {
  return {engine, training, direct, c.source, c.weights, c.target, c.stride, c.padBefore, c.padAfter, attr};
}
inline Forward forward(const dnnl::engine &engine, const Convolution &c, const dnnl::memory::desc &bias, const dnnl::primitive_attr &attr) {
  return {engine, training, direct, c.source, c.weights, bias, c.target, c.stride, c.padBefore, c.padAfter, attr};
}
inline BackwardData backwardData(const dnnl::engine &engine, const Convolution &c, const Forward &hint, const dnnl::primitive_attr &attr) {
  return {engine, direct, c.source, c.weights, c.target, c.stride, c.padBefore, c.padAfter, hint, attr};
}
inline BackwardWeights backwardWeights(const dnnl::engine &engine, const Convolution &c, const Forward &hint, const dnnl::primitive_attr &attr) {
  return {engine, direct, c.source, c.weights, c.target, c.stride, c.padBefore, c.padAfter, hint, attr};
}
inline dnnl::matmul::primitive_desc product(const dnnl::engine &engine, const dnnl::memory::desc &a, const dnnl::memory::desc &b, const dnnl::memory::desc &c) {
  return {engine, a, b, c};
}

#else

inline bool isSet(const dnnl::memory::desc &desc) { return desc.data.ndims > 0; }
inline dnnl::memory::dims dims(const dnnl::memory::desc &desc) { return desc.dims(); }
inline dnnl::memory::data_type type(const dnnl::memory::desc &desc) { return desc.data_type(); }

inline void appendActivation(dnnl::post_ops &post, dnnl::algorithm kind, float alpha, float beta) { post.append_eltwise(1.0f, kind, alpha, beta); }

inline Forward forward(const dnnl::engine &engine, const Convolution &c, const dnnl::primitive_attr &attr) {
  return {{training, direct, c.source, c.weights, c.target, c.stride, c.padBefore, c.padAfter}, attr, engine};
}
inline Forward forward(const dnnl::engine &engine, const Convolution &c, const dnnl::memory::desc &bias, const dnnl::primitive_attr &attr) {
  return {{training, direct, c.source, c.weights, bias, c.target, c.stride, c.padBefore, c.padAfter}, attr, engine};
}
inline BackwardData backwardData(const dnnl::engine &engine, const Convolution &c, const Forward &hint, const dnnl::primitive_attr &attr) {
  return {{direct, c.source, c.weights, c.target, c.stride, c.padBefore, c.padAfter}, attr, engine, hint};
}
inline BackwardWeights backwardWeights(const dnnl::engine &engine, const Convolution &c, const Forward &hint, const dnnl::primitive_attr &attr) {
  return {{direct, c.source, c.weights, c.target, c.stride, c.padBefore, c.padAfter}, attr, engine, hint};
}
inline dnnl::matmul::primitive_desc product(const dnnl::engine &engine, const dnnl::memory::desc &a, const dnnl::memory::desc &b, const dnnl::memory::desc &c) {
  return {{a, b, c}, engine};
}

#endif

}  // namespace regraft::api
