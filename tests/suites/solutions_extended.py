"""A right answer to each case that is new in `extended`; `mutants.py` makes wrong ones of it."""

from __future__ import annotations

SOLUTIONS = {
    # ---- digits
    "digit_sum": """
def f(n):
    total = 0
    n = abs(n)
    while n:
        total += n % 10
        n = n // 10
    return total
""",
    "count_ones": """
def f(n):
    count = 0
    while n:
        if n % 2 == 1:
            count += 1
        n = n // 2
    return count
""",
    "prime_factors": """
def f(n):
    found = []
    factor = 2
    while n > 1:
        while n % factor == 0:
            found.append(factor)
            n = n // factor
        factor += 1
    return found
""",
    "write_in_base": """
def f(n, base):
    if n == 0:
        return "0"
    text = ""
    while n:
        text = "0123456789abcdef"[n % base] + text
        n = n // base
    return text
""",
    # ---- writing out
    "to_roman": """
def f(n):
    signs = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
             (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    text = ""
    for value, sign in signs:
        while n >= value:
            text += sign
            n -= value
    return text
""",
    "clock_time": """
def f(seconds):
    minutes = seconds // 60
    return f"{minutes // 60}:{minutes % 60:02}:{seconds % 60:02}"
""",
    "shift_letters": """
def f(text, n):
    result = ""
    for c in text:
        if "a" <= c <= "z":
            c = chr((ord(c) - 97 + n) % 26 + 97)
        result += c
    return result
""",
    "shorten": """
def f(text, limit):
    if len(text) <= limit:
        return text
    return text[:limit - 3] + "..."
""",
    # ---- sorting
    "merge_sorted": """
def f(first, second):
    merged = []
    i = 0
    for number in second:
        while i < len(first) and first[i] <= number:
            merged.append(first[i])
            i += 1
        merged.append(number)
    return merged + first[i:]
""",
    "find_sorted": """
def f(numbers, wanted):
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) // 2
        if numbers[middle] == wanted:
            return middle
        if numbers[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return -1
""",
    "by_length": """
def f(words):
    result = []
    for word in words:
        at = 0
        while at < len(result) and (len(result[at]), result[at]) <= (len(word), word):
            at += 1
        result = result[:at] + [word] + result[at:]
    return result
""",
    "nth_smallest": """
def f(numbers, n):
    different = sorted(set(numbers))
    if len(different) < n:
        return None
    return different[n - 1]
""",
    # ---- matrices
    "transpose": """
def f(rows):
    if not rows:
        return []
    return [[row[i] for row in rows] for i in range(0, len(rows[0]))]
""",
    "matrix_product": """
def f(a, b):
    product = []
    for row in a:
        line = []
        for column in range(len(b[0])):
            total = 0
            for k in range(len(b)):
                total += row[k] * b[k][column]
            line.append(total)
        product.append(line)
    return product
""",
    "diagonal_sum": """
def f(rows):
    total = 0
    size = len(rows)
    for i in range(size):
        total += rows[i][i]
        if i != size - 1 - i:
            total += rows[i][size - 1 - i]
    return total
""",
    "next_generation": """
def f(grid):
    after = []
    for r in range(len(grid)):
        line = []
        for c in range(len(grid[0])):
            near = -grid[r][c]
            for row in grid[max(r - 1, 0):r + 2]:
                near += sum(row[max(c - 1, 0):c + 2])
            line.append(1 if near == 3 or (near == 2 and grid[r][c] == 1) else 0)
        after.append(line)
    return after
""",
    # ---- reading text
    "read_settings": """
def f(text):
    found = {}
    for part in text.split(";"):
        if "=" in part:
            name, value = part.split("=", 1)
            found[name.strip()] = value.strip()
    return found
""",
    "reckon_postfix": """
def f(parts):
    stack = []
    for part in parts:
        if part == "+":
            stack.append(stack.pop() + stack.pop())
        elif part == "*":
            stack.append(stack.pop() * stack.pop())
        elif part == "-":
            last = stack.pop()
            stack.append(stack.pop() - last)
        else:
            stack.append(part)
    return stack[0]
""",
    "compare_versions": """
def f(first, second):
    a = [int(part) for part in first.split(".")]
    b = [int(part) for part in second.split(".")]
    a += [0] * (len(b) - len(a))
    b += [0] * (len(a) - len(b))
    if a == b:
        return 0
    return -1 if a < b else 1
""",
    "numbers_in_text": """
def f(text):
    found = []
    number = None
    for c in text + " ":
        if "0" <= c <= "9":
            number = (0 if number is None else number) * 10 + int(c)
        elif number is not None:
            found.append(number)
            number = None
    return found
""",
    # ---- step by step
    "walk": """
def f(steps):
    x = y = 0
    for step in steps:
        if step == "N":
            y += 1
        elif step == "S":
            y -= 1
        elif step == "E":
            x += 1
        elif step == "W":
            x -= 1
    return (x, y)
""",
    "fewest_coins": """
def f(amount, coins):
    fewest = [0] + [None] * amount
    for total in range(1, amount + 1):
        for coin in coins:
            if coin <= total and fewest[total - coin] is not None:
                count = fewest[total - coin] + 1
                if fewest[total] is None or count < fewest[total]:
                    fewest[total] = count
    return fewest[amount]
""",
    "best_trade": """
def f(prices):
    best = 0
    for day, price in enumerate(prices):
        for earlier in prices[:day]:
            if price - earlier > best:
                best = price - earlier
    return best
""",
    "merge_ranges": """
def f(ranges):
    merged = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
""",
}
