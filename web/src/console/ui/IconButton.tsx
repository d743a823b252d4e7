import { Icon, type IconName } from './Icon';

interface Props {
  icon: IconName;
  /** For those who do not see the icon: what it does, and to what. */
  name: string;
  /** What it does, for those who point at it. */
  title?: string;
  /** The id of what says more of what it is done to: a user's words are no part of a name. */
  about?: string;
  className?: string;
  busy?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

export function IconButton({ icon, name, title, about, className = '', busy, disabled, onClick }: Props) {
  return (
    <button
      type="button"
      className={`icon-button ${className}`}
      aria-label={name}
      aria-describedby={about}
      title={title}
      aria-busy={busy}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
