// What downloads need of undici besides undici.ts: the whole package, in time that a download takes anyway.
export { EnvHttpProxyAgent, interceptors, request } from "undici";
