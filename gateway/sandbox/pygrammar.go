package sandbox

import "strings"

const maxExprDepth = 200

// test parses "or" and everything that binds tighter.
func (p *parser) test() (*expr, error) {
	if p.depth++; p.depth > maxExprDepth {
		return nil, errNotPlain
	}
	defer func() { p.depth-- }()
	return p.junction("or", func() (*expr, error) { return p.junction("and", p.negation) })
}

func (p *parser) junction(word string, operand func() (*expr, error)) (*expr, error) {
	left, err := operand()
	for err == nil && p.kind == tokenName && p.tok == word {
		if err = p.next(); err != nil {
			break
		}
		var right *expr
		if right, err = operand(); err == nil {
			left = &expr{op: word, args: []*expr{left, right}}
		}
	}
	return left, err
}

func (p *parser) negation() (*expr, error) {
	if p.kind != tokenName || p.tok != "not" {
		return p.comparison()
	}
	if p.depth++; p.depth > maxExprDepth {
		return nil, errNotPlain
	}
	defer func() { p.depth-- }()
	if err := p.next(); err != nil {
		return nil, err
	}
	operand, err := p.negation()
	return &expr{op: "unary", name: "not", args: []*expr{operand}}, err
}

func (p *parser) comparison() (*expr, error) {
	first, err := p.sum()
	if err != nil {
		return nil, err
	}
	out := &expr{op: "compare", args: []*expr{first}}
	for {
		op, err := p.comparator()
		if err != nil {
			return nil, err
		}
		if op == "" {
			break
		}
		right, err := p.sum()
		if err != nil {
			return nil, err
		}
		out.ops, out.args = append(out.ops, op), append(out.args, right)
	}
	if len(out.ops) == 0 {
		return first, nil
	}
	return out, nil
}

// comparator consumes a comparison operator, which may be two words.
func (p *parser) comparator() (string, error) {
	switch {
	case p.kind == tokenOperator && strings.Contains(" == != < <= > >= ", " "+p.tok+" "), p.kind == tokenName && p.tok == "in":
		op := p.tok
		return op, p.next()
	case p.kind == tokenName && p.tok == "is":
		if err := p.next(); err != nil {
			return "", err
		}
		if p.kind == tokenName && p.tok == "not" {
			return "is not", p.next()
		}
		return "is", nil
	case p.kind == tokenName && p.tok == "not":
		if err := p.next(); err != nil {
			return "", err
		}
		if p.kind != tokenName || p.tok != "in" {
			return "", errNotPlain
		}
		return "not in", p.next()
	}
	return "", nil
}

func (p *parser) sum() (*expr, error) { return p.binary("+ -", p.product) }

func (p *parser) product() (*expr, error) { return p.binary("* / // %", p.factor) }

func (p *parser) binary(ops string, operand func() (*expr, error)) (*expr, error) {
	left, err := operand()
	for err == nil && p.kind == tokenOperator && strings.Contains(" "+ops+" ", " "+p.tok+" ") {
		op := p.tok
		if err = p.next(); err != nil {
			break
		}
		var right *expr
		if right, err = operand(); err == nil {
			left = &expr{op: "binary", name: op, args: []*expr{left, right}}
		}
	}
	return left, err
}

func (p *parser) factor() (*expr, error) {
	if p.kind == tokenOperator && (p.tok == "-" || p.tok == "+") {
		if p.depth++; p.depth > maxExprDepth {
			return nil, errNotPlain
		}
		defer func() { p.depth-- }()
		op := p.tok
		if err := p.next(); err != nil {
			return nil, err
		}
		operand, err := p.factor()
		return &expr{op: "unary", name: op, args: []*expr{operand}}, err
	}
	base, err := p.primary()
	if err != nil || p.kind != tokenOperator || p.tok != "**" {
		return base, err
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.depth++; p.depth > maxExprDepth {
		return nil, errNotPlain
	}
	defer func() { p.depth-- }()
	power, err := p.factor()
	return &expr{op: "binary", name: "**", args: []*expr{base, power}}, err
}

func (p *parser) primary() (*expr, error) {
	switch p.kind {
	case tokenNumber:
		e := &expr{op: "const", value: p.value}
		return e, p.next()
	case tokenString:
		return p.strings()
	case tokenName:
		return p.nameOrCall()
	case tokenOperator:
		switch p.tok {
		case "(":
			return p.parenthesis()
		case "[":
			items, _, err := p.items("]")
			return &expr{op: "list", args: items}, err
		case "{":
			return p.braces()
		}
	}
	return nil, errNotPlain
}

// strings joins neighbouring literals.
func (p *parser) strings() (*expr, error) {
	value := p.value
	for {
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.kind != tokenString {
			return &expr{op: "const", value: value}, nil
		}
		switch v := value.(type) {
		case string:
			more, ok := p.value.(string)
			if !ok {
				return nil, errNotPlain
			}
			value = v + more
		case pyBytes:
			more, ok := p.value.(pyBytes)
			if !ok {
				return nil, errNotPlain
			}
			value = v + more
		}
	}
}

func (p *parser) nameOrCall() (*expr, error) {
	name := p.tok
	if err := p.next(); err != nil {
		return nil, err
	}
	switch name {
	case "None":
		return &expr{op: "const"}, nil
	case "True":
		return &expr{op: "const", value: true}, nil
	case "False":
		return &expr{op: "const", value: false}, nil
	}
	if keywords[name] {
		return nil, errNotPlain
	}
	for p.kind == tokenOperator && p.tok == "." {
		if err := p.next(); err != nil {
			return nil, err
		}
		if p.kind != tokenName {
			return nil, errNotPlain
		}
		name += "." + p.tok
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	if p.kind != tokenOperator || p.tok != "(" {
		return nil, errNotPlain
	}
	e := &expr{op: "call", name: name}
	args, keys, err := p.items(")")
	if err != nil {
		return nil, err
	}
	e.args, e.keys = args, keys
	if p.parameter != "" && name == p.parameter {
		e.name = p.entry
		p.plan.calls[p.entry] = true
	} else if _, own := pyFunctions[name]; own {
		p.plan.used[name] = true
		e.op = "builtin"
	} else if strings.Contains(name, ".") || pyBuiltins[name] && name != p.entry {
		return nil, errNotPlain // the pair protocol has a Python to ask
	} else {
		p.plan.calls[name] = true
	}
	if p.kind == tokenOperator && (p.tok == "." || p.tok == "(" || p.tok == "[") {
		return nil, errNotPlain // a method, a further call or a subscript
	}
	return e, nil
}

// items parses up to the closing bracket, with "name=" only where it is ")".
func (p *parser) items(end string) (items []*expr, keys []string, err error) {
	if err := p.next(); err != nil {
		return nil, nil, err
	}
	for {
		if p.kind == tokenOperator && p.tok == end {
			return items, keys, p.next()
		}
		named := false
		if end == ")" && p.kind == tokenName && !keywords[p.tok] {
			save := *p
			name := p.tok
			if err := p.next(); err != nil {
				return nil, nil, err
			}
			if p.kind == tokenOperator && p.tok == "=" {
				keys, named = append(keys, name), true
				if err := p.next(); err != nil {
					return nil, nil, err
				}
			} else {
				*p = save
			}
		}
		item, err := p.test()
		if err != nil {
			return nil, nil, err
		}
		items = append(items, item)
		if len(keys) > 0 && !named {
			return nil, nil, errNotPlain
		}
		if p.kind == tokenOperator && p.tok == "," {
			if err := p.next(); err != nil {
				return nil, nil, err
			}
			continue
		}
		if p.kind != tokenOperator || p.tok != end {
			return nil, nil, errNotPlain
		}
	}
}

func (p *parser) parenthesis() (*expr, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	var items []*expr
	comma := false
	for p.kind != tokenOperator || p.tok != ")" {
		item, err := p.test()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if p.kind == tokenOperator && p.tok == "," {
			comma = true
			if err := p.next(); err != nil {
				return nil, err
			}
			continue
		}
		if p.kind != tokenOperator || p.tok != ")" {
			return nil, errNotPlain
		}
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	if p.kind == tokenOperator && (p.tok == "." || p.tok == "(" || p.tok == "[") {
		return nil, errNotPlain
	}
	if len(items) == 1 && !comma {
		return items[0], nil
	}
	return &expr{op: "tuple", args: items}, nil
}

func (p *parser) braces() (*expr, error) {
	if err := p.next(); err != nil {
		return nil, err
	}
	e := &expr{op: "dict"}
	for p.kind != tokenOperator || p.tok != "}" {
		item, err := p.test()
		if err != nil {
			return nil, err
		}
		e.args = append(e.args, item)
		colon := p.kind == tokenOperator && p.tok == ":"
		if len(e.args) == 1 && !colon {
			e.op = "set"
		}
		if colon != (e.op == "dict") {
			return nil, errNotPlain
		}
		if colon {
			if err := p.next(); err != nil {
				return nil, err
			}
			value, err := p.test()
			if err != nil {
				return nil, err
			}
			e.args = append(e.args, value)
		}
		if p.kind == tokenOperator && p.tok == "," {
			if err := p.next(); err != nil {
				return nil, err
			}
		} else if p.kind != tokenOperator || p.tok != "}" {
			return nil, errNotPlain
		}
	}
	return e, p.next()
}
