/** zstd for WebAssembly, as base64: build.mjs takes it out of zstddec, whose own way to it is a fetch of a data: URL. */
declare module 'zstd-decoder' {
  const base64: string;
  export default base64;
}
