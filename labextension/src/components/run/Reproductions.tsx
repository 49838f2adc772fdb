import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { ago, quantity } from '../../format';
import { ISpeech } from '../../locale';
import { ICheck, IReproduction, IReproductions, Verdict } from '../../run/wire';
import { Section } from './Section';

/** Whether the run came out the same when it was made again; live while it is. */
export function Reproductions(props: {
  state: IReproductions;
  speech: ISpeech;
  onStop: () => void;
  onOpenRun: (id: string) => void;
}): JSX.Element | null {
  const { state, speech } = props;
  const { trans, locale } = speech;
  if (!state.running && !state.problem && state.found.length === 0) {
    return null;
  }
  return (
    <Section title={trans.__('Made again')}>
      <div role="status">
        {state.running && (
          <p className="mlx-Again">
            <span className="mlx-Again-said">
              {state.said.at(-1) ?? trans.__('starting …')}
            </span>
            <button type="button" className="jp-mod-styled" onClick={props.onStop}>
              {trans.__('Stop')}
            </button>
          </p>
        )}
        {!state.running && state.problem && (
          <p className="mlx-Problem">{state.problem}</p>
        )}
      </div>
      <ul className="mlx-Verdicts" aria-label={trans.__('Verdicts')}>
        {state.found
          .filter(({ facts, status }) => facts || status !== 'running')
          .map(found => (
            <li key={found.id}>
              <details>
                <summary>
                  <span
                    className={`mlx-Verdict mlx-mod-${found.facts?.verdict ?? 'failed'}`}
                  >
                    {verdictText(found.facts?.verdict ?? 'failed', trans)}
                  </span>
                  <span className="mlx-Section-aside">
                    {ago(found.started_at, Date.now(), locale)}
                  </span>
                </summary>
                {found.facts && <Grounds facts={found.facts} trans={trans} />}
                <button
                  type="button"
                  className="mlx-Link"
                  onClick={() => props.onOpenRun(found.id)}
                >
                  {trans.__('Open that run')}
                </button>
              </details>
            </li>
          ))}
      </ul>
    </Section>
  );
}

function Grounds(props: { facts: IReproduction; trans: TranslationBundle }): JSX.Element {
  const { facts, trans } = props;
  const checks = [
    ...(facts.metrics ?? []),
    ...(facts.outputs ?? []),
    ...(facts.files ?? [])
  ];
  return (
    <>
      {facts.problem && <p className="mlx-Problem">{facts.problem}</p>}
      <table className="mlx-Facts" aria-label={trans.__('What was compared')}>
        <tbody>
          {checks.map((check, at) => (
            <tr key={`${check.name} ${at}`}>
              <th scope="row" title={check.name}>
                {check.name}
              </th>
              <td className={`mlx-mod-${check.state}`} title={check.detail}>
                {checkText(check)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {facts.notes?.map(note => (
        <p key={note} className="mlx-Doubt">
          {note}
        </p>
      ))}
    </>
  );
}

function checkText(check: ICheck): string {
  const sign = {
    same: '=',
    close: '≈',
    different: '≠',
    missing: '−',
    new: '+',
    'not-compared': '·'
  }[check.state];
  const values =
    typeof check.was === 'number' && typeof check.now === 'number'
      ? check.state === 'same'
        ? quantity(check.now, 6)
        : `${quantity(check.was, 6)} → ${quantity(check.now, 6)}`
      : check.detail;
  return `${sign} ${values}`;
}

function verdictText(verdict: Verdict, trans: TranslationBundle): string {
  switch (verdict) {
    case 'same':
      return trans.__('✓ the same');
    case 'within-tolerance':
      return trans.__('≈ the same within the tolerance');
    case 'different':
      return trans.__('≠ different');
    default:
      return trans.__('✗ failed');
  }
}
