import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, it } from "vitest";
import { buildpackDirectory, buildpackFolders } from "./workspace.ts";

/** What the test looks at of a buildpack.toml. */
interface Descriptor {
  readonly api: string;
  readonly buildpack: {
    readonly id: string;
    readonly version: string;
    readonly name?: string;
    readonly description?: string;
    readonly "sbom-formats"?: readonly string[];
    readonly licenses?: readonly { readonly type?: string }[];
  };
  readonly targets?: readonly { readonly os: string; readonly arch: string }[];
  readonly stacks?: readonly { readonly id: string }[];
  readonly order?: readonly unknown[];
}

const folders = buildpackFolders();
const read = (folder: string, file: string): string => {
  const path = join(buildpackDirectory(folder), file);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
};
const descriptor = (folder: string): Descriptor => parse(read(folder, "buildpack.toml")) as unknown as Descriptor;
const components = folders.filter((folder) => descriptor(folder).order === undefined);

/** The text of all programs of a buildpack, one file per element. */
function programs(folder: string): readonly string[] {
  return ["bin", "lib"].flatMap((part) => {
    const directory = join(buildpackDirectory(folder), part);
    if (!existsSync(directory)) return [];
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"));
  });
}

/** The files of lib/, and where those that are links lead. */
function libraries(folder: string): readonly { readonly name: string; readonly link?: string }[] {
  const directory = join(buildpackDirectory(folder), "lib");
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = relative(directory, path);
      return entry.isSymbolicLink() ? { name, link: readlinkSync(path) } : { name };
    });
}

function readShared(): readonly string[] {
  return readdirSync(buildpackDirectory("shared"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(buildpackDirectory("shared"), join(entry.parentPath, entry.name)));
}

/** Its README, and those of buildpacks that it leads to for what they have in common. */
function documentation(folder: string): string {
  const own = read(folder, "README.md");
  const others = [...own.matchAll(/\]\(\.\.\/([a-z-]+)\/README\.md\)/g)].map((match) => match[1] ?? "");
  return [own, ...others.map((other) => read(other, "README.md"))].join("\n");
}

/** Layers that the samples expect, by buildpack. */
function expectedLayers(): ReadonlyMap<string, ReadonlySet<string>> {
  const samples = join(buildpackDirectory("."), "../samples");
  const found = new Map<string, Set<string>>();
  for (const sample of readdirSync(samples)) {
    const file = join(samples, sample, "expect.json");
    if (!existsSync(file)) continue;
    const { layers = {} } = JSON.parse(readFileSync(file, "utf8")) as {
      readonly layers?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
    };
    for (const [id, names] of Object.entries(layers)) {
      const known = found.get(id) ?? new Set();
      for (const name of Object.keys(names)) known.add(name);
      found.set(id, known);
    }
  }
  return found;
}

describe.each(folders)("buildpack.toml of %s", (folder) => {
  const { api, buildpack, targets, stacks } = descriptor(folder);

  it("has the folder's id, a version, a licence, and what a list of buildpacks shows", () => {
    expect(["0.10", "0.11", "0.12"]).toContain(api);
    expect(buildpack.id).toBe(`tspack/${folder}`);
    expect(buildpack.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(buildpack.licenses).toEqual([{ type: "Apache-2.0" }]);
    expect(buildpack.name ?? "").not.toBe("");
    expect(buildpack.description ?? "").not.toBe("");
  });

  it.runIf(components.includes(folder))("runs on both architectures, and where stacks are all that is known", () => {
    const wanted = ["amd64", "arm64"].map((arch) => ({ os: "linux", arch }));
    expect(targets).toEqual(wanted);
    expect(stacks).toEqual([{ id: "*" }]);
  });

  it.runIf(components.includes(folder))("names both formats of bills of materials just when it makes them", () => {
    const made = programs(folder).join("\n");
    const formats = [
      ["CycloneDX", "application/vnd.cyclonedx+json"],
      ["SPDX-2.3", "application/spdx+json"],
    ].flatMap(([word = "", format = ""]) => (made.includes(word) ? [format] : []));
    expect(buildpack["sbom-formats"] ?? []).toEqual(formats);
    expect([0, 2]).toContain(formats.length);
  });
});

describe.each(components)("README of %s", (folder) => {
  const text = read(folder, "README.md");

  it("says what the buildpack is, and when it takes part", () => {
    expect(text).toMatch(new RegExp(`^# tspack/${folder}\n\n.+`));
    expect(text).toMatch(/\bpass(es)?\b|takes part|\*\*(Detection|When)\b/i);
    expect(read(".", "README.md")).toContain(`(${folder}/README.md)`);
  });

  it("names every variable that the programs read", () => {
    const variables = new Set(programs(folder).flatMap((one) => one.match(/\bBPL?_[A-Z_]*[A-Z]\b/g) ?? []));
    const known = documentation(folder);
    expect([...variables].filter((variable) => !known.includes(variable))).toEqual([]);
  });

  it("has a row for each layer that samples get of it", () => {
    const layers = [...(expectedLayers().get(`tspack/${folder}`) ?? [])];
    const rows = text
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .join("\n");
    expect(layers.filter((layer) => !rows.includes(`\`${layer}\``))).toEqual([]);
  });
});

describe.each(components)("programs of %s", (folder) => {
  it("need no root", () => {
    const words = programs(folder).flatMap(
      (one) => one.match(/\b(sudo|su -|chown|chgrp|setpriv|dpkg -i|dpkg --install)\b/g) ?? [],
    );
    expect(words).toEqual([]);
  });

  it("name no host to fetch from: registries are the user's", () => {
    // Specifications are named in comments, and what stands for an address in messages has no dot.
    const allowed = /^https?:\/\/(github\.com\/package-url|spdx\.org|127\.0\.0\.1|0\.0\.0\.0|localhost|[^./]+$)/;
    const addresses = programs(folder).flatMap((one) => one.match(/https?:\/\/[\w.-]+(?:\/[\w-]+)?/g) ?? []);
    expect(addresses.filter((address) => !allowed.test(address))).toEqual([]);
  });

  it("take from shared/ what others have as well, by links", () => {
    const links = libraries(folder).filter(({ link }) => link !== undefined);
    expect(links.filter(({ link = "" }) => !/^\.\.\/\.\.\/shared\/([a-z]+\/)?[^/]+$/.test(link))).toEqual([]);
    expect(links.filter(({ name, link = "" }) => !link.endsWith(`/${name}`))).toEqual([]);
  });
});

it("every file in shared/ is taken by several buildpacks", () => {
  const taken = components.flatMap((folder) =>
    libraries(folder).map(({ link = "" }) => link.slice("../../shared/".length)),
  );
  expect(readShared().filter((name) => taken.filter((one) => one === name).length < 2)).toEqual([]);
});

it("no file is there twice", () => {
  const files = [
    ...readShared().map((name) => `shared/${name}`),
    ...components.flatMap((folder) =>
      libraries(folder).flatMap(({ name, link }) => (link === undefined ? [`${folder}/lib/${name}`] : [])),
    ),
  ];
  const known = new Map<string, string>();
  const copies = files.filter((file) => {
    const content = read(".", file);
    const isCopy = known.has(content);
    known.set(content, file);
    return isCopy;
  });
  expect(copies).toEqual(
    // They say what the lock file of their package manager has, in a line each.
    files.filter((file) => /^(pnpm|yarn)-install\/lib\/(sbom|differences)\.mjs$/.test(file)),
  );
});
