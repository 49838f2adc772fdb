import * as React from 'react';

/** A part of a run's page, under a heading. */
export function Section(props: {
  title: string;
  /** Beside the heading, dimmed. */
  aside?: string;
  children: React.ReactNode;
}): JSX.Element {
  const id = React.useId();
  return (
    <section className="mlx-Section" aria-labelledby={id}>
      <h2 className="mlx-Section-title" id={id}>
        {props.title}
        {props.aside && <span className="mlx-Section-aside">{props.aside}</span>}
      </h2>
      {props.children}
    </section>
  );
}

/** Two columns of facts: what, and its value. */
export function Facts(props: {
  label: string;
  rows: readonly (readonly [string, React.ReactNode])[];
  /** Values are numbers: right-aligned. */
  numeric?: boolean;
}): JSX.Element {
  return (
    <table
      className={props.numeric ? 'mlx-Facts mlx-mod-numeric' : 'mlx-Facts'}
      aria-label={props.label}
    >
      <tbody>
        {props.rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row" title={name}>
              {name}
            </th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
