// The compiled files of uwebsockets 3.0.6 that this product was tested with. A new version means new lines here, taken from a
// package whose integrity package-lock.json has checked: `sha256sum node_modules/uWebSockets.js/uws_linux_*_137.node`.
// 137 is the module ABI of Node 24.

export const UWS_SHA256: Readonly<Record<string, string>> = {
  'uws_linux_x64_137.node': '3b549c14e01d9d1faf234cdf4b6f0fb08158605e3692cd0eb1b905e327bd3449',
  'uws_linux_arm64_137.node': 'b6eb007d627e00bcce03ad38f197124e9027c03f6fe784b37f97b8a6ea709cb4',
};
