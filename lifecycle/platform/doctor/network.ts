import { X509Certificate } from "node:crypto";
import type { ProxySettings } from "../../stores/registry/proxy.ts";
import { withoutSecrets } from "../../addresses.ts";
import type { Finding } from "./finding.ts";

/** Proxies that are used, without their passwords. */
export function proxyFindings({ http, https, no }: ProxySettings): readonly Finding[] {
  const rows = [
    ["HTTP_PROXY", http],
    ["HTTPS_PROXY", https],
    ["NO_PROXY", no],
  ] as const;
  const given = rows.filter(([, value]) => value !== undefined && value.trim() !== "");
  if (given.length === 0) return [{ area: "proxy", name: "any", state: "ok", detail: "none is used" }];
  return given.map(([name, value = ""]): Finding => {
    if (name === "NO_PROXY") return { area: "proxy", name, state: "ok", detail: value };
    const address = value.includes("://") ? value : `http://${value}`;
    if (URL.canParse(address)) return { area: "proxy", name, state: "ok", detail: withoutSecrets(address) };
    return { area: "proxy", name, state: "failed", detail: "no address", remedy: `set ${name} to http://HOST:PORT` };
  });
}

/** Certificates that are trusted besides those of the runtime: how many, and which have run out. */
export function certificateFindings(pem: string | undefined, now: Date): readonly Finding[] {
  const area = "certificates";
  if (pem === undefined) return [{ area, name: "extra", state: "ok", detail: "none besides those of Node" }];
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const read = blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
  const expired = read.filter(({ validTo }) => new Date(validTo) < now);
  const broken = blocks.length - read.length;
  const detail = `${blocks.length} besides those of Node, ${expired.length} of them have run out, ${broken} can not be read`;
  // Bundles of machines have old ones; that all are old is what nobody wants.
  if (blocks.length > 0 && expired.length < blocks.length && broken === 0)
    return [{ area, name: "extra", state: "ok", detail }];
  const remedy = "check SSL_CERT_FILE, SSL_CERT_DIR and NODE_EXTRA_CA_CERTS";
  return [{ area, name: "extra", state: "warning", detail, remedy }];
}
