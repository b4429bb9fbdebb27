import { existsSync } from "node:fs";
import { release } from "node:os";
import type { TspackError } from "../../errors.ts";
import { withoutSecrets } from "../../addresses.ts";
import { runnerFindings } from "../../platform/doctor/runners.ts";
import { placesFrom } from "../../platform/places.ts";
import { readSettings } from "../../platform/settings.ts";
import type { CommonOptions, TspackHost } from "../toolbox.ts";
import { settingsDocument } from "./config.ts";
import { versionDocument } from "./version.ts";

/** Options of `tspack report`. */
export interface ReportOptions extends CommonOptions {
  readonly explicit?: boolean;
  readonly json?: boolean;
}

/** Variables that change what tspack does. Of those with an address, only that they are set is told. */
const variables = [
  "CNB_REGISTRY_AUTH",
  "DOCKER_CONFIG",
  "DOCKER_CONTEXT",
  "DOCKER_HOST",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NODE_EXTRA_CA_CERTS",
  "NO_PROXY",
  "SSL_CERT_DIR",
  "SSL_CERT_FILE",
  "TSPACK_DEBIAN_MIRROR",
  "TSPACK_HOME",
] as const;

/** `tspack report`: what a bug report needs, without anything that is nobody's business. */
export async function report(host: TspackHost, _args: readonly string[], options: ReportOptions): Promise<void> {
  const explicit = options.explicit === true;
  const runners = (await runnerFindings(host, host.signal)).filter(({ name }) => name !== "any");
  const document = {
    tspack: { ...versionDocument(), kernel: release(), user: host.uid === 0 ? "root" : "ordinary" },
    runners: runners.map(({ area, name, state, detail }) => ({
      name: area === "engine" && !explicit ? "engine" : name,
      state,
      detail: explicit ? withoutSecrets(detail) : hidePlaces(detail),
    })),
    variables: Object.fromEntries(
      variables.flatMap((name) => {
        const value = host.env[name] ?? host.env[name.toLowerCase()] ?? "";
        return value === "" ? [] : [[name, explicit && name !== "CNB_REGISTRY_AUTH" ? withoutSecrets(value) : "set"]];
      }),
    ),
    settings: settingsOf(host, explicit),
  };
  host.stdout(options.json === true ? `${JSON.stringify(document, undefined, 2)}\n` : reportText(document));
}

/** Addresses and paths tell of people and their machines. */
function hidePlaces(text: string): string {
  return text.replace(/(?:[a-z]+:\/\/|\/)[^\s,;:)]+/g, "(hidden)");
}

function settingsOf(host: TspackHost, explicit: boolean): object | string {
  const path = placesFrom(host.env).config;
  if (!existsSync(path)) return "none";
  try {
    return redacted(settingsDocument(readSettings(path)), explicit) as object;
  } catch (error) {
    return (error as TspackError).code ?? "unreadable";
  }
}

/** Choices are shown; what people name themselves is not. */
function redacted(value: unknown, explicit: boolean, key = ""): unknown {
  if (typeof value === "string")
    return explicit || ["pull-policy", "runner"].includes(key) ? withoutSecrets(value) : "(hidden)";
  if (Array.isArray(value)) return value.map((item) => redacted(item, explicit));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item], index) => {
      const isMap = key === "registry-mirrors" && !explicit;
      return [isMap ? `(hidden ${index + 1})` : name, redacted(item, explicit, name)];
    }),
  );
}

function reportText(document: Readonly<Record<string, unknown>>): string {
  return Object.entries(document)
    .map(
      ([name, value]) =>
        `${name}:\n${lines(value)
          .map((line) => `  ${line}\n`)
          .join("")}`,
    )
    .join("");
}

function lines(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [String(value)];
  if (Array.isArray(value))
    return value.map((item) => (typeof item === "string" ? item : Object.values(item as object).join("  ")));
  return Object.entries(value).map(([name, item]) => {
    const text = typeof item === "object" && item !== null ? JSON.stringify(item) : String(item);
    return `${name}: ${text}`;
  });
}
