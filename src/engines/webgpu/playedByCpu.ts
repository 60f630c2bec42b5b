/// <reference types="@webgpu/types" />
/** Tells a GPU from a CPU that plays one. */

/** Whether an adapter is played by a CPU. */
export const playedByCpu = ({
  isFallbackAdapter,
  vendor,
  architecture,
  device,
  description,
}: GPUAdapterInfo): boolean =>
  isFallbackAdapter || /swiftshader|llvmpipe|basic render/i.test([vendor, architecture, device, description].join(' '))
