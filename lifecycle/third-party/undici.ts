// A bundler loses the named exports of a CommonJS package that is imported lazily, so the lazy
// import is of this module, and this one's import is static.
export { Agent, EnvHttpProxyAgent, interceptors, Pool, ProxyAgent, request } from "undici";
