import { BlockList, isIP } from "node:net";

/** Which proxies are used, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say it. */
export interface ProxySettings {
  readonly http?: string | undefined;
  readonly https?: string | undefined;
  /** Comma separated: hosts, `.suffix`, `host:port`, addresses, CIDR blocks, or `*`. */
  readonly no?: string | undefined;
}

/** The proxy for a URL, or undefined for a direct connection. This machine is never reached by a proxy. */
export function proxyFor(url: URL, settings: ProxySettings): string | undefined {
  const proxy = url.protocol === "https:" ? settings.https : settings.http;
  if (proxy === undefined || proxy.trim() === "") return undefined;
  const host = bareHost(url.hostname);
  if (isLoopback(host)) return undefined;
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  const entries = (settings.no ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  if (entries.some((entry) => excludes(entry.toLowerCase(), host, port))) return undefined;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

/** True for `localhost`, `*.localhost`, 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  const name = bareHost(host);
  if (name === "localhost" || name.endsWith(".localhost") || name === "::1") return true;
  return isIP(name) === 4 && name.startsWith("127.");
}

function bareHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "");
}

function excludes(entry: string, host: string, port: string): boolean {
  if (entry === "*") return true;
  if (entry.includes("/")) return inBlock(entry, host);
  const { name, port: only } = splitPort(entry);
  if (only !== undefined && only !== port) return false;
  if (isIP(name) !== 0 || isIP(host) !== 0) return name === host;
  const suffix = name.replace(/^\*?\./, "");
  // ".example.com" and "*.example.com" mean what is below; "example.com" means itself too.
  return host.endsWith(`.${suffix}`) || (name === suffix && host === suffix);
}

function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
  const match = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(entry);
  if (match === null) return { name: bareHost(entry), port: undefined };
  return { name: bareHost(match[1] ?? ""), port: match[2] };
}

function inBlock(entry: string, host: string): boolean {
  const [address = "", prefix = ""] = entry.split("/");
  const version = isIP(host);
  if (version === 0 || isIP(address) !== version || !/^\d{1,3}$/.test(prefix)) return false;
  if (Number(prefix) > (version === 4 ? 32 : 128)) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  const block = new BlockList();
  block.addSubnet(address, Number(prefix), family);
  return block.check(host, family);
}
