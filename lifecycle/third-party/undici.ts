// The parts of undici that a client of registries and engines is made of. Its index loads fetch, web
// sockets, caches and mocks as well, which takes three times as long. The paths are no part of the
// package's interface, so package.json names its version exactly; the build fails on a path that has
// moved, and a unit test on a part that is not the index's.
//
// A bundler loses the named exports of a CommonJS package that is imported lazily, so the lazy import
// is of this module, and this one's imports are static.
import connect from "undici/lib/api/api-connect.js";
import request from "undici/lib/api/api-request.js";
import Agent from "undici/lib/dispatcher/agent.js";
import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
import Pool from "undici/lib/dispatcher/pool.js";
import ProxyAgent from "undici/lib/dispatcher/proxy-agent.js";

// As the index does it; a tunnel through a proxy is made by `connect`.
Object.assign(Dispatcher.prototype, { connect, request });

export { Agent, Pool, ProxyAgent };
