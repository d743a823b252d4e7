import type { User } from '../../config';

/** Whom the developer was last, and the token that was pasted; the latter goes when the tab is closed. */
const userKey = 'plantain:user';
const tokenKey = 'plantain:token';

export function storedToken(users: User[]): string | null {
  const pasted = sessionStorage.getItem(tokenKey);
  if (pasted) return pasted;
  const last = localStorage.getItem(userKey);
  return (users.find(({ id }) => id === last) ?? users[0])?.token ?? null;
}

export function storeUser(user: User) {
  sessionStorage.removeItem(tokenKey);
  localStorage.setItem(userKey, user.id);
}

export function storePastedToken(token: string) {
  sessionStorage.setItem(tokenKey, token);
}

export function clearPastedToken() {
  sessionStorage.removeItem(tokenKey);
}
