import * as React from 'react';

import { parameter } from '../../format';
import { ISpeech } from '../../locale';
import { Facts } from './Section';

/** Python, machine and packages, folded away. */
export function Environment(props: {
  environment: Readonly<Record<string, unknown>>;
  speech: ISpeech;
}): JSX.Element {
  const { trans } = props.speech;
  const { packages, ...rest } = props.environment;
  const facts = Object.entries(rest)
    .filter(([, value]) => !isEmpty(value))
    .map(([name, value]) => [name, <Text key={name} value={value} />] as const);
  const versions = Object.entries((packages ?? {}) as Record<string, unknown>);
  return (
    <details className="mlx-Details">
      <summary>
        {trans.__('Environment')}
        <span className="mlx-Section-aside">
          {trans._n('%1 package', '%1 packages', versions.length)}
        </span>
      </summary>
      <Facts label={trans.__('Machine')} rows={facts} />
      <Facts
        label={trans.__('Packages')}
        rows={versions.map(([name, version]) => [name, String(version)] as const)}
      />
    </details>
  );
}

function Text({ value }: { value: unknown }): JSX.Element {
  const text = parameter(value);
  return <span title={text}>{text}</span>;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === '' || JSON.stringify(value) === '{}';
}
