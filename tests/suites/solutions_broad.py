"""A right answer to each case of `broad`; wrong ones are made of it by `mutants.py`."""

from __future__ import annotations

SOLUTIONS = {
    # ---- arithmetic
    "average": "def f(numbers): return sum(numbers) / len(numbers)",
    "clamp": """
def f(value, low, high):
    return max(low, min(high, value))
""",
    "greatest_common_divisor": """
def f(a, b):
    while b:
        a, b = b, a % b
    return a
""",
    "round_half_up": "def f(x): return int(x + 0.5)",
    # ---- strings
    "count_vowels": "def f(text): return sum(c in 'aeiou' for c in text.lower())",
    "capitalise_words": """
def f(text):
    return " ".join(word[:1].upper() + word[1:].lower() for word in text.split(" "))
""",
    "is_email": """
def f(text):
    if " " in text or text.count("@") != 1:
        return False
    name, host = text.split("@")
    parts = host.split(".")
    return bool(name) and len(parts) >= 2 and all(parts)
""",
    "run_lengths": """
def f(text):
    result = ""
    start = 0
    for i in range(1, len(text) + 1):
        if i == len(text) or text[i] != text[start]:
            result += text[start] + str(i - start)
            start = i
    return result
""",
    # ---- lists
    "unique_in_order": """
def f(items):
    found = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
""",
    "rotate_left": """
def f(items, n):
    if not items:
        return []
    n = n % len(items)
    return items[n:] + items[:n]
""",
    "second_largest": """
def f(numbers):
    different = sorted(set(numbers))
    return different[-2] if len(different) >= 2 else None
""",
    "split_in_chunks": """
def f(items, size):
    return [items[i:i + size] for i in range(0, len(items), size)]
""",
    # ---- control flow, one level
    "sign": """
def f(x):
    if x < 0:
        return -1
    if x == 0:
        return 0
    return 1
""",
    "fibonacci": """
def f(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a
""",
    "grade_letter": """
def f(score):
    if score >= 90:
        return "A"
    if score >= 80:
        return "B"
    if score >= 70:
        return "C"
    return "F"
""",
    "count_down": """
def f(n):
    numbers = []
    while n > 0:
        numbers.append(n)
        n -= 1
    return numbers
""",
    # ---- control flow, two levels
    "leap_year": """
def f(year):
    if year % 100 == 0:
        return year % 400 == 0
    return year % 4 == 0
""",
    "is_prime": """
def f(n):
    if n < 2:
        return False
    for d in range(2, n):
        if n % d == 0:
            return False
    return True
""",
    "multiplication_table": """
def f(n):
    rows = []
    for i in range(1, n + 1):
        row = []
        for j in range(1, n + 1):
            row.append(i * j)
        rows.append(row)
    return rows
""",
    "triangle_kind": """
def f(a, b, c):
    if a + b <= c or a + c <= b or b + c <= a:
        return "none"
    if a == b == c:
        return "equilateral"
    if a == b or b == c or a == c:
        return "isosceles"
    return "scalene"
""",
    # ---- control flow, three levels
    "right_triangles": """
def f(n):
    found = []
    for a in range(1, n + 1):
        for b in range(a + 1, n + 1):
            for c in range(b + 1, n + 1):
                if a * a + b * b == c * c:
                    found.append((a, b, c))
    return found
""",
    "find_in_grid": """
def f(grid, value):
    for i, row in enumerate(grid):
        if row is not None:
            for j, cell in enumerate(row):
                if cell == value:
                    return (i, j)
    return None
""",
    "longest_collatz": """
def f(n):
    best, most = None, -1
    for start in range(1, n + 1):
        steps, x = 0, start
        while x != 1:
            if x % 2 == 0:
                x //= 2
            else:
                x = 3 * x + 1
            steps += 1
        if steps > most:
            best, most = start, steps
    return best
""",
    "balanced_brackets": """
def f(text):
    pairs = {")": "(", "]": "[", "}": "{"}
    open_ones = []
    for c in text:
        if c in "([{":
            open_ones.append(c)
        elif c in pairs:
            if not open_ones or open_ones.pop() != pairs[c]:
                return False
    return not open_ones
""",
    # ---- types
    "to_integer": """
def f(value):
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return None
""",
    "kind_of_value": """
def f(value):
    if value is None:
        return "none"
    name = type(value).__name__
    return name if name in ("bool", "int", "float", "str", "list", "dict") else "other"
""",
    "sum_of_numbers": """
def f(values):
    total = 0
    for value in values:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            total += value
    return total
""",
    "parse_switch": """
def f(text):
    word = text.strip().lower()
    if word in ("on", "yes", "1"):
        return True
    if word in ("off", "no", "0"):
        return False
    return None
""",
    # ---- data structures
    "count_words": """
def f(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts
""",
    "group_by_length": """
def f(words):
    groups = {}
    for word in words:
        groups.setdefault(len(word), []).append(word)
    return groups
""",
    "add_dictionaries": """
def f(first, second):
    total = dict(first)
    for key, value in second.items():
        total[key] = total.get(key, 0) + value
    return total
""",
    "flatten": """
def f(nested):
    flat = []
    for item in nested:
        if isinstance(item, list):
            flat += f(item)
        else:
            flat.append(item)
    return flat
""",
    # ---- None and what is empty
    "divide_or_none": """
def f(a, b):
    if a is None or b is None or b == 0:
        return None
    return a / b
""",
    "longest_word": """
def f(text):
    best = ""
    for word in (text or "").split():
        if len(word) > len(best):
            best = word
    return best
""",
    "drop_none": """
def f(items):
    if items is None:
        return []
    return [item for item in items if item is not None]
""",
    "look_up_path": """
def f(data, keys):
    for key in keys:
        if not isinstance(data, dict) or key not in data:
            return None
        data = data[key]
    return data
""",
    # ---- Unicode
    "count_non_ascii": "def f(text): return sum(ord(c) > 127 for c in text)",
    "utf8_length": "def f(text): return len(text.encode('utf-8'))",
    "same_ignoring_case": "def f(a, b): return a.casefold() == b.casefold()",
    "code_points": "def f(text): return [f'U+{ord(c):04X}' for c in text]",
}
