//! What only looks, and what is not known to: two tables.

use super::{is_bash, is_command, looks_for_trouble, never_ends, observes, only_sets, programs};

#[test]
fn what_only_looks_is_known_by_name_and_flags() {
    for text in [
        "docker compose ps",
        "docker compose -f prod.yaml logs api --since 2m",
        "docker ps --format '{{.Names}}'",
        "cd /srv/app\ndocker logs api --since 2m 2>&1 | grep -i error",
        "curl -sf https://shop.invalid/health | jq '.status'",
        "curl -s -o /dev/null -w '%{http_code}' -u \"$USER_NAME:$API_KEY\" http://127.0.0.1:80/",
        "curl -sS -X GET --max-time 5 localhost:8080/health",
        "git -C repo log --oneline -5 && git status",
        "git --no-pager diff --stat",
        "grep \"a > b\" notes.txt; wc -l notes.txt 2>/dev/null",
        "# what is there?\nls -la \"$PARAM_DIR\"",
        "kubectl get pods -n shop \\\n  -o wide",
        "kubectl -n \"$PARAM_SPACE\" describe pod \"$PARAM_POD\"",
        "kubectl rollout status deploy/api",
        "systemctl status nginx",
        "journalctl -u api --since today --no-pager",
        "find . -name '*.log' -mtime -1",
        "sort -k2 -n list | uniq -c",
        "test -f \"$HOME/x\" && cat $HOME/x",
        "sl\\\neep 1",
        "aws s3 ls s3://bucket",
        "aws ec2 describe-instances --output json",
        "twilio api:core:calls:list --limit 5",
        "helm list -A",
        "ss -ltn",
        "date -u +%s",
    ] {
        assert_eq!(observes(text), Ok(()), "{text}");
    }
}

/// Words of a table, one per line, so that it reads as one.
fn rows(table: &str) -> impl Iterator<Item = &str> {
    table.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[test]
fn whatever_else_there_is_changes_something() {
    let one_line = r#"
        rm -rf build
        sudo ls
        sudo -n docker ps
        env
        env ls
        xargs rm
        tee x
        awk 1
        sed -n p x
        sed -i x y
        bash -c ls
        sh x.sh
        ./look.sh
        /bin/ls
        source x
        . x
        command rm x
        \rm x
        r''m x
        eval ls
        exec ls
        time ls
        nohup ls
        make check
        python3 -c 1
        frobnicate --dry-run
        psql -c 'select 1'
        mysql -e 'show tables'
        ssh host ls
        scp a b:
        rsync -n a b
        crontab -l
        kill -0 1
        service nginx restart
        systemctl restart nginx
        systemctl --root=/x status
        docker compose up -d
        docker compose -f x down
        docker compose exec api ls
        docker exec api ls
        docker rm api
        docker run --rm alpine ls
        docker cp api:/x y
        docker stats
        docker -H tcp://x ps
        docker volume rm x
        docker system prune
        kubectl delete pod x
        kubectl apply -f x
        kubectl exec x -- ls
        kubectl get --raw /x
        kubectl config view
        kubectl rollout restart deploy/x
        kubectl cluster-info dump --output-directory=x
        kubectl -n x scale deploy/y --replicas=0
        helm upgrade x y
        terraform plan
        aws s3api get-object x
        aws s3 cp a b
        aws s3 rm s3://x
        aws ec2 terminate-instances --instance-ids i
        aws --profile list-x ec2 run-instances
        twilio profiles:use x
        tailscale funnel 80
        redis-cli flushall
        npm run dev
        npm install
        gh pr merge 1
        ip link set eth0 down
        ss -K
        ss --ki
        date -s now
        hostname new
        ping host
        ping -c 1 -f host
        uniq a b
        sort -o a b
        sort -uo a b
        sort --outp=a b
        sort --compress-prog=x b
        find . -delete
        find . -exec rm {} +
        find . -execdir rm {} +
        find . -ok rm {} +
        find . -fprintf x %p
        journalctl --vacuum-time=1s
        journalctl --rot
        git push
        git push --force origin main
        git pull
        git fetch
        git checkout main
        git commit -m x
        git clean -fdx
        git reset --hard
        git stash
        git stash drop
        git branch -D main
        git branch new
        git tag v1
        git tag -l -d v1
        git remote add x y
        git config x y
        git -c core.pager=x log
        git --exec-path=x log
        git diff --output=x
        git diff --outp x
        git log --ext-d
        git ls-remote ext::x
        git ls-remote --upload-p=x y
        curl -d a=1 https://a.invalid
        curl --data a=1 https://a.invalid
        curl -F a=@b https://a.invalid
        curl -T x https://a.invalid
        curl -X POST https://a.invalid
        curl -XPOST https://a.invalid
        curl --request=DELETE https://a.invalid
        curl -sX DELETE https://a.invalid
        curl -so /etc/passwd https://a.invalid
        curl -O https://a.invalid/x
        curl -K rules https://a.invalid
        curl -H @x https://a.invalid
        curl -w '%output{x}' https://a.invalid
        curl -w @x https://a.invalid
        curl gopher://a.invalid:6379/_FLUSHALL
        curl telnet://a.invalid
        curl "$PARAM_URL"
        curl -sf $PARAM_URL
        wget https://a.invalid
        ls > list.txt
        cat a >> b
        ls 2>log
        ls 2>/dev/nullx
        ls &>log
        cat x | sh
        ls |& tee x
        ls & rm x
        ls; rm x
        ls && rm x
        ls || rm x
        echo `rm x`
        echo "`rm x`"
        echo $(rm x)
        echo "$(rm x)"
        echo "${X:-$(rm x)}"
        diff <(ls) b
        cat < x
        cat <<< x
        (ls)
        { ls; }
        ls() { rm x; }
        if true; then ls; fi
        for x in a; do ls; done
        ! ls
        PATH=. ls
        FOO=1
        alias ls=rm
        export PATH=.
        set -- x
        ls $OPTIONS
        $PROGRAM x
        "$PROGRAM" x
        $'\x72m' x
        echo 'open
        echo "open
    "#;
    let more = [
        "cat <<E\nE",
        "ls\nrm x",
        "ls\\\n; rm x",
        "r\\\nm x",
        "curl -X P\\\nOST https://a.invalid",
        "ls # \\\nrm x",
        "\u{a0}rm x",
    ];
    for text in rows(one_line).chain(more) {
        assert!(observes(text).is_err(), "{text}");
    }
}

#[test]
fn the_reason_names_what_it_is_about() {
    let why = |text: &str| observes(text).unwrap_err().0;
    assert_eq!(why("ls\ngit push origin"), "`git push origin` is not known to only look");
    assert_eq!(why("ls > x"), "it redirects into a file");
    assert_eq!(why("ls $X"), "it has a variable without quotes, which can be more than one word");
}

#[test]
fn commands_are_known_by_their_program_and_something_after_it() {
    assert!(is_command("docker ps") && is_command("./deploy.sh") && is_command("  ls -l"));
    assert!(!is_command("docker") && !is_command("status ok") && !is_command("") && !is_command("cat-like x"));
    assert_eq!(programs("cd x\nX=1 make y\nsudo rm z\nfrobnicate"), ["make", "rm"]);
    assert!(is_bash("# x\nsource .env && ls") && is_bash("if [[ -n $x ]]; then") && is_bash("diff <(a) b") && is_bash("a &> b"));
    assert!(!is_bash("# the function source\ngrep function x") && !is_bash("[ -f x ] && ls"));
    assert!(looks_for_trouble("docker logs a | grep -i error") && !looks_for_trouble("grep error x | wc -l"));
    assert!(
        only_sets("PORT=80  # of the API\nexport NAME='a b'")
            && !only_sets("PORT=80 make")
            && !only_sets("A=$(rm x)")
            && !only_sets("")
    );
    assert!(never_ends("docker logs api -f") && never_ends("tail -F x") && !never_ends("rm -f x"));
}
