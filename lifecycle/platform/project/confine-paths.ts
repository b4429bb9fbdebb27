import { realpath } from "node:fs/promises";
import { resolve } from "node:path";
import type { ProjectToml } from "../../cnb/files/project-toml.ts";
import { InputError, type InputIssue } from "../../errors.ts";
import type { TomlDocument, TomlPath } from "../../toml.ts";

/**
 * The descriptor of an application that came out of an archive or a repository must not reach
 * for files of this machine: paths in it have to stay in the application. Addresses and images
 * may be named. Throws `INVALID_PROJECT` with every path that leads out.
 */
export async function confinePaths(project: ProjectToml, document: TomlDocument, directory: string): Promise<void> {
  const named: readonly (readonly [TomlPath, string | undefined])[] = [
    ...project.group.map(({ uri }, index) => [["io", "buildpacks", "group", index, "uri"], uri] as const),
    ...project.pre.map(({ uri }, index) => [["io", "buildpacks", "pre", "group", index, "uri"], uri] as const),
    ...project.post.map(({ uri }, index) => [["io", "buildpacks", "post", "group", index, "uri"], uri] as const),
  ];
  const issues: InputIssue[] = [];
  const add = (path: TomlPath, expected: string, text: string): void => {
    const at = document.position(path);
    issues.push({
      source: at === undefined ? document.source : `${document.source}:${at.line}:${at.column}`,
      path: path.filter((part) => typeof part === "string").join("."),
      expected,
      got: JSON.stringify(text),
    });
  };
  const { builder = "" } = project;
  // What a builder.toml names would have to be confined as well, down to the last dependency.
  if (builder.endsWith(".toml") || (builder !== "" && (await leadsOut(builder, directory))))
    add(["io", "buildpacks", "builder"], "an image, or oci:PATH in the application", builder);
  for (const [path, text] of named)
    if (text !== undefined && (await leadsOut(text, directory)))
      add(path, "a path in the application, an address or an image", text);
  if (issues.length === 0) return;
  throw new InputError("INVALID_PROJECT", `${document.source} names files outside of the application`, issues, {
    hint: "an application from an archive or a repository can not use files of this machine; give them on the command line",
  });
}

async function leadsOut(text: string, directory: string): Promise<boolean> {
  const path = localPath(text);
  if (path === undefined) return false;
  const target = resolve(directory, path);
  const real = await realpath(target).catch(() => target);
  return real !== directory && !real.startsWith(`${directory}/`);
}

/** The path in a text that may be a path, an address or an image. */
function localPath(text: string): string | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "file" || scheme === "oci") return text.slice(scheme.length + 1).replace(/^\/\/(?=\/)/, "");
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || text.startsWith("urn:cnb:") ? undefined : text;
}
