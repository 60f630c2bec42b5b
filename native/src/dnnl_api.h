// The one place that knows which oneDNN this is; version 2.6 is supported, whose primitives are made from descriptors.
#pragma once
#include <oneapi/dnnl/dnnl.hpp>
