import { join } from "node:path";
import { withoutCredentials } from "../../addresses.ts";
import type { Env } from "../machine.ts";
import type { Bindings } from "./platform-directory.ts";
import { textOf } from "./text-of.ts";

/**
 * A service binding of type `maven` with the mirrors of the person's `~/.m2/settings.xml`, and
 * nothing else of it: no servers, so no credential. Nothing when there are no mirrors, or when one
 * of `volumes` brings bindings of the person's own.
 */
export async function mavenBinding(env: Env, volumes: readonly string[]): Promise<Bindings> {
  const { HOME: home } = env;
  if (home === undefined || volumes.some((volume) => volume.includes(":/platform/bindings"))) return {};
  const mirrors = readMirrors(await textOf(join(home, ".m2/settings.xml")));
  if (mirrors.length === 0) return {};
  const settings = `<settings>\n  <mirrors>\n${mirrors.join("")}  </mirrors>\n</settings>\n`;
  return { "tspack-maven": { type: "maven", "settings.xml": settings } };
}

// https://maven.apache.org/ref/current/maven-settings/settings.html: values stay escaped as they are.
function readMirrors(text: string): readonly string[] {
  const inside = element(text.replaceAll(/<!--.*?-->/gs, ""), "mirrors") ?? "";
  return [...inside.matchAll(/<mirror>(.*?)<\/mirror>/gs)].flatMap(([, mirror = ""]) => {
    const [id, mirrorOf, url] = ["id", "mirrorOf", "url"].map((name) => element(mirror, name)?.trim());
    // A variable of this machine means nothing in the build.
    if (url === undefined || mirrorOf === undefined || !/^https?:\/\/[^$]*$/.test(url)) return [];
    const parts = [
      `<id>${id ?? "mirror"}</id>`,
      `<mirrorOf>${mirrorOf}</mirrorOf>`,
      `<url>${withoutCredentials(url)}</url>`,
    ];
    return [`    <mirror>${parts.join("")}</mirror>\n`];
  });
}

function element(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>(.*?)</${name}>`, "s").exec(text)?.[1];
}
