import { existsSync, readFileSync } from "node:fs";
import type { ImageResult } from "./job.ts";

// A second, tiny registry client, so that what ours wrote is not read back by ours.

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
}

interface Manifest {
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

const blobFile = (layout: string, digest: string): string => `${layout}/blobs/sha256/${digest.slice("sha256:".length)}`;

/** Puts the only image of an OCI layout into a registry under a tag. */
export async function loadImage(registry: string, layout: string, repository: string, tag: string): Promise<void> {
  const index = JSON.parse(readFileSync(`${layout}/index.json`, "utf8")) as {
    readonly manifests: readonly Descriptor[];
  };
  const [entry] = index.manifests;
  if (entry === undefined) throw new Error(`${layout} has no image`);
  const manifestBytes = readFileSync(blobFile(layout, entry.digest));
  const manifest = JSON.parse(manifestBytes.toString()) as Manifest;
  for (const { digest } of [manifest.config, ...manifest.layers]) {
    await putBlob(registry, repository, digest, readFileSync(blobFile(layout, digest)));
  }
  const url = `${registry}/v2/${repository}/manifests/${tag}`;
  await expectOk(
    await fetch(url, {
      method: "PUT",
      headers: { "content-type": manifest.mediaType ?? entry.mediaType },
      body: manifestBytes,
    }),
  );
}

async function putBlob(registry: string, repository: string, digest: string, bytes: Buffer): Promise<void> {
  const start = await expectOk(await fetch(`${registry}/v2/${repository}/blobs/uploads/`, { method: "POST" }));
  const location = new URL(start.headers.get("location") ?? "", registry);
  location.searchParams.set("digest", digest);
  await expectOk(
    await fetch(location, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body: bytes }),
  );
}

async function expectOk(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response;
}

/** An image of a registry; undefined when it is not there. `name` may have a host, a tag or none. */
export async function readImage(registry: string, name: string): Promise<ImageResult | undefined> {
  const repository = name.replace(/^[^/]*\.localhost\//, "").replace(/:[^/:]*$/, "");
  const tag = /:([^/:]*)$/.exec(name)?.[1] ?? "latest";
  const accept = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ].join(", ");
  const response = await fetch(`${registry}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  if (response.status === 404) return undefined;
  const manifest = await (await expectOk(response)).text();
  const { digest } = (JSON.parse(manifest) as Manifest).config;
  const config = await (await expectOk(await fetch(`${registry}/v2/${repository}/blobs/${digest}`))).text();
  return { manifest, config, diffIds: diffIdsOf(config) };
}

/** The only image of an OCI layout; undefined when there is no layout. */
export function readLayoutImage(layout: string): ImageResult | undefined {
  if (!existsSync(`${layout}/index.json`)) return undefined;
  const index = JSON.parse(readFileSync(`${layout}/index.json`, "utf8")) as {
    readonly manifests: readonly Descriptor[];
  };
  const manifest = readFileSync(blobFile(layout, index.manifests[0]?.digest ?? ""), "utf8");
  const config = readFileSync(blobFile(layout, (JSON.parse(manifest) as Manifest).config.digest), "utf8");
  return { manifest, config, diffIds: diffIdsOf(config) };
}

function diffIdsOf(config: string): readonly string[] {
  return (JSON.parse(config) as { readonly rootfs: { readonly diff_ids: readonly string[] } }).rootfs.diff_ids;
}
