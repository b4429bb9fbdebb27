/** A format of SBOM files that buildpacks may write. Buildpack specification, "Software-Bill-of-Materials". */
export interface SbomFormat {
  readonly mediaType: string;
  /** The name in the SBOM layer, and the end of the buildpack's file name. */
  readonly fileName: string;
}

/** The formats that the lifecycle knows. */
export const sbomFormats: readonly SbomFormat[] = [
  { mediaType: "application/vnd.cyclonedx+json", fileName: "sbom.cdx.json" },
  { mediaType: "application/spdx+json", fileName: "sbom.spdx.json" },
  { mediaType: "application/vnd.syft+json", fileName: "sbom.syft.json" },
];

/** An SBOM file of a buildpack, by its name. */
export interface SbomFile {
  /** `launch` and `build` for the files without a layer, else a layer's name. */
  readonly subject: string;
  /** Undefined for a format that the lifecycle does not know. */
  readonly format: SbomFormat | undefined;
}

/** What a file of a buildpack's layers directory is as an SBOM; undefined when it is none. */
export function parseSbomFileName(name: string): SbomFile | undefined {
  if (!/\.sbom\..*\.json$/s.test(name)) return undefined;
  const subject = name.slice(0, name.indexOf("."));
  return { subject, format: sbomFormats.find(({ fileName }) => name.endsWith(`.${fileName}`)) };
}

/** Whether `sbom-formats` of a buildpack has a format; parameters of a media type do not count. */
export function declaresFormat(declared: readonly string[], { mediaType }: SbomFormat): boolean {
  return declared.some((text) => (text.split(";")[0] ?? "").trim().toLowerCase() === mediaType);
}
