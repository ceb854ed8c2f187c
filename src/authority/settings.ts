import { CaError } from '../core/ca-error.ts';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { type KeyAlgorithm, keyAlgorithms } from '../core/key-algorithm.ts';
import { beginning, printable, quoted } from '../core/printable.ts';
import { parseRenewalWindow, type RenewalWindow, renewalWindowPattern } from '../core/renewal-window.ts';
import type { SanType } from '../core/san.ts';
import type { ExtendedKeyUsage } from '../x509/extensions.ts';
import { findDuplicateKey } from './duplicate-key.ts';
import { checkShape, invalidSetting, jsonSchema, type Shape } from './settings-shape.ts';

/** What a profile asks of the certificates made under it. */
export interface Profile {
  readonly name: string;
  /** `clientAuth`, `serverAuth` or dotted OIDs (RFC 5280 §4.2.1.12). */
  readonly extendedKeyUsage: readonly ExtendedKeyUsage[];
  readonly validityMs: number;
  readonly key: KeyAlgorithm;
  /** At least one SAN of one of these types must be there; empty: none is needed. */
  readonly requireSan: readonly SanType[];
  /** Take the SANs of a CSR when the command line gives none. */
  readonly sanFromCsr: boolean;
}

/** The settings of `ca.json`, validated and with their defaults filled in. */
export interface Settings {
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly renewal: {
    readonly within: RenewalWindow;
    /** How long after its notAfter a certificate is still renewed. */
    readonly graceMs: number;
    /** The oldest a client's own key (a CSR's) may get. */
    readonly maxKeyAgeMs: number;
    /** Superseded certificates are revoked this long after their successor's delivery; undefined: they just expire. */
    readonly revokeSupersededAfterMs: number | undefined;
  };
  readonly crl: {
    readonly validityMs: number;
    /** A CRL older than this is signed anew by `ca renew` and `ca crl --if-due`. */
    readonly refreshMs: number;
    readonly urls: readonly string[];
    readonly copyTo: readonly string[];
    readonly hook: string | undefined;
  };
  readonly caIssuers: readonly string[];
  readonly hookTimeoutMs: number;
}

const httpUrl: Shape = {
  kind: 'text',
  pattern: '^http://[!-~]+$',
  allowed: 'an http:// URL (https would need the certificate that it is to check)',
  about: 'An http:// URL',
};

const settingsShape: Shape = {
  kind: 'object',
  about: 'Settings of a private-ca authority',
  required: ['version'],
  keys: {
    $schema: { kind: 'text', allowed: 'the address of the JSON Schema', about: 'The address of this schema' },
    version: { kind: 'choice', values: [1], about: 'The version of this document' },
    profiles: {
      kind: 'map',
      keyPattern: '^[a-z][a-z0-9-]{0,31}$',
      about: 'Profiles of your own, or changes to client, server and peer',
      values: {
        kind: 'object',
        about: 'A profile; what is left out is as in the profile client',
        keys: {
          extendedKeyUsage: {
            kind: 'list',
            about: 'Purposes that the certificate serves',
            items: {
              kind: 'text',
              pattern: '^(clientAuth|serverAuth|[0-2](\\.(0|[1-9][0-9]*))+)$',
              allowed: 'clientAuth, serverAuth or an object identifier in dots',
              about: 'clientAuth, serverAuth or an object identifier in dots',
            },
          },
          validity: { kind: 'duration', about: 'Life of a certificate' },
          key: { kind: 'choice', values: keyAlgorithms, about: 'Kind of key that the authority makes' },
          requireSan: {
            kind: 'list',
            about: 'At least one subject alternative name of one of these types must be there',
            items: { kind: 'choice', values: ['dns', 'ip', 'email', 'uri'], about: 'A type of name' },
          },
          sanFromCsr: { kind: 'choice', values: [true, false], about: 'Take the names that a CSR asks for' },
        },
      },
    },
    renewal: {
      kind: 'object',
      about: 'When and how certificates are renewed',
      keys: {
        within: {
          kind: 'text',
          pattern: renewalWindowPattern,
          allowed: 'a share of the life such as 1/3 or 33%, or a duration such as 30d',
          about: 'Renew when less than this is left: a share of the life (1/3, 33%) or a duration (30d)',
        },
        grace: { kind: 'duration', about: 'How long after its expiry a certificate is still renewed' },
        maxKeyAge: { kind: 'duration', about: 'How old a key that a client keeps itself may get' },
        revokeSupersededAfter: {
          kind: 'duration',
          about:
            'Revoke the old certificate this long after the new one was delivered; left out: it just expires',
        },
      },
    },
    crl: {
      kind: 'object',
      about: 'The certificate revocation list',
      keys: {
        validity: { kind: 'duration', about: 'From thisUpdate to nextUpdate' },
        refresh: {
          kind: 'duration',
          about:
            'Sign it anew when it is older than this; a little less than the time between two runs of cron',
        },
        urls: {
          kind: 'list',
          items: httpUrl,
          about: 'Where servers fetch the list (CRL distribution point)',
        },
        copyTo: {
          kind: 'list',
          about: 'Directories that get a copy at each publication',
          items: {
            kind: 'text',
            pattern: '^(/|[A-Za-z]:\\\\)',
            allowed: 'an absolute path',
            about: 'An absolute path',
          },
        },
        hook: {
          kind: 'text',
          pattern: '\\S',
          allowed: 'a shell command',
          about: 'A shell command run after each publication, such as: nginx -s reload',
        },
      },
    },
    caIssuers: {
      kind: 'list',
      items: httpUrl,
      about: 'Where the issuing certificate can be fetched (authority information access)',
    },
    hookTimeout: { kind: 'duration', about: 'How long a hook may run' },
  },
};

/** The settings' JSON Schema as a document. */
export function settingsSchema(): string {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'private-ca settings',
    ...jsonSchema(settingsShape),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The `ca.json` of a new authority: what a person is likely to change, spelled out. */
export function initialSettings(choices: { crlUrls: readonly string[] }): string {
  const document = {
    $schema: './ca.schema.json',
    version: 1,
    profiles: { client: { validity: '90d', key: 'p256' } },
    renewal: { within: '1/3', grace: '30d' },
    crl: { validity: '30d', refresh: '20h', urls: choices.crlUrls, copyTo: [] },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** What a person wrote, before defaults; its shape has been checked. */
interface SettingsDocument {
  profiles?: Record<string, ProfileDocument>;
  renewal?: { within?: string; grace?: string; maxKeyAge?: string; revokeSupersededAfter?: string };
  crl?: { validity?: string; refresh?: string; urls?: string[]; copyTo?: string[]; hook?: string };
  caIssuers?: string[];
  hookTimeout?: string;
}

interface ProfileDocument {
  extendedKeyUsage?: ExtendedKeyUsage[];
  validity?: string;
  key?: KeyAlgorithm;
  requireSan?: SanType[];
  sanFromCsr?: boolean;
}

const builtInProfiles = {
  client: { extendedKeyUsage: ['clientAuth'] },
  server: { extendedKeyUsage: ['serverAuth'], requireSan: ['dns', 'ip'] },
  peer: { extendedKeyUsage: ['clientAuth', 'serverAuth'], requireSan: ['dns', 'ip'] },
} satisfies Record<string, ProfileDocument>;

/**
 * The settings of that JSON text. Throws `authority/invalid-settings`: an unknown key, a key twice, a value without
 * its unit, a contradiction between two keys.
 */
export function parseSettings(text: string): Settings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : '';
    throw new CaError('authority/invalid-settings', `ca.json is not JSON: ${detail}`, {
      cause,
      hint: 'look for a missing quote or a comma too many',
    });
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) {
    throw new CaError(
      'authority/invalid-settings',
      `ca.json has the key "${printable(beginning(duplicate))}" twice`,
      {
        hint: 'leave one of the two',
      },
    );
  }
  checkShape(settingsShape, value, '');
  const document = value as SettingsDocument; // checked just above
  const settings: Settings = {
    profiles: buildProfiles(document.profiles ?? {}),
    renewal: {
      within: parseRenewalWindow(document.renewal?.within ?? '1/3'),
      graceMs: parseDuration(document.renewal?.grace ?? '30d'),
      maxKeyAgeMs: parseDuration(document.renewal?.maxKeyAge ?? '2y'),
      revokeSupersededAfterMs: optionalDuration(document.renewal?.revokeSupersededAfter),
    },
    crl: {
      validityMs: parseDuration(document.crl?.validity ?? '30d'),
      refreshMs: parseDuration(document.crl?.refresh ?? '20h'),
      urls: document.crl?.urls ?? [],
      copyTo: document.crl?.copyTo ?? [],
      hook: document.crl?.hook,
    },
    caIssuers: document.caIssuers ?? [],
    hookTimeoutMs: parseDuration(document.hookTimeout ?? '60s'),
  };
  checkContradictions(settings);
  return settings;
}

/** The profile of that name. Throws `authority/unknown-profile`. */
export function findProfile(settings: Settings, name: string): Profile {
  const profile = settings.profiles.get(name);
  if (!profile) {
    throw new CaError('authority/unknown-profile', `there is no profile ${quoted(name)}`, {
      hint: `use one of: ${[...settings.profiles.keys()].join(', ')}, or add one to ca.json`,
    });
  }
  return profile;
}

function buildProfiles(documents: Record<string, ProfileDocument>): ReadonlyMap<string, Profile> {
  const names = new Set([...Object.keys(builtInProfiles), ...Object.keys(documents)]);
  return new Map(
    [...names].map((name) => {
      const builtIn: ProfileDocument | undefined = Object.entries(builtInProfiles).find(
        ([key]) => key === name,
      )?.[1];
      const own: ProfileDocument = { ...builtInProfiles.client, ...builtIn, ...documents[name] };
      const profile: Profile = {
        name,
        extendedKeyUsage: own.extendedKeyUsage ?? [],
        validityMs: parseDuration(own.validity ?? '90d'),
        key: own.key ?? 'p256',
        requireSan: own.requireSan ?? [],
        sanFromCsr: own.sanFromCsr ?? false,
      };
      return [name, profile];
    }),
  );
}

function checkContradictions(settings: Settings): void {
  const { crl, renewal, profiles } = settings;
  if (crl.refreshMs * 2 > crl.validityMs) {
    throw invalidSetting(
      'crl.refresh',
      formatDuration(crl.refreshMs),
      `at most half of crl.validity (${formatDuration(crl.validityMs)}), so that one missed run is no outage`,
    );
  }
  for (const { name, validityMs, extendedKeyUsage } of profiles.values()) {
    if (extendedKeyUsage.length === 0)
      throw invalidSetting(`profiles.${name}.extendedKeyUsage`, [], 'at least one purpose');
    if (new Set(extendedKeyUsage).size !== extendedKeyUsage.length) {
      throw invalidSetting(`profiles.${name}.extendedKeyUsage`, extendedKeyUsage, 'each purpose once');
    }
    if (extendedKeyUsage.includes('2.5.29.37.0')) {
      throw invalidSetting(
        `profiles.${name}.extendedKeyUsage`,
        '2.5.29.37.0',
        'anything but anyExtendedKeyUsage',
      );
    }
    if ('ms' in renewal.within && renewal.within.ms >= validityMs) {
      throw invalidSetting(
        'renewal.within',
        formatDuration(renewal.within.ms),
        `less than the validity of profile ${name} (${formatDuration(validityMs)})`,
      );
    }
  }
}

function optionalDuration(text: string | undefined): number | undefined {
  return text === undefined ? undefined : parseDuration(text);
}
